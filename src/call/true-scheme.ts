import { Field, FieldKind } from '../core/field.ts';
import { HeaderBlock } from '../core/header-block.ts';
import type { Peer } from './peer.ts';
import type { RoutePlan } from './route-plan.ts';

const forwardedProto = 1 << FieldKind.ForwardedProto;

/**
 * The head with the scheme that its client really uses. A client may write any `:scheme` over HTTP/2, and `x-forwarded-proto` over
 * both protocols, and endpoints decide by them whether a request is secure. What it writes is passed on where the route has a
 * `forwarded` policy, which says whom to trust.
 */
export function withTrueScheme(head: HeaderBlock, { scheme }: Peer, plan: RoutePlan | null): HeaderBlock {
  if (scheme === undefined || plan === null || !plan.forwardsClient) return head;
  const saysProto = head.hasAny(forwardedProto);
  if (head.scheme === scheme && (!saysProto || saysOnly(head, scheme))) return head;
  const fields: Field[] = [];
  for (const field of head.allFields) {
    if (field.kind === FieldKind.Scheme) fields.push(new Field(':scheme', scheme));
    else if (field.kind !== FieldKind.ForwardedProto) fields.push(field);
  }
  if (saysProto) fields.push(new Field('x-forwarded-proto', scheme));
  return new HeaderBlock(fields);
}

function saysOnly(head: HeaderBlock, scheme: string): boolean {
  const values = head.all('x-forwarded-proto');
  return values.length === 1 && values[0] === scheme;
}
