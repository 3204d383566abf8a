import type { DirectReply } from '../../call/stage.ts';
import { constantField } from '../../core/field.ts';
import { HeaderBlock } from '../../core/header-block.ts';
import type { Metadata } from '../../schema/metadata-type.ts';

/** Returns a reply to a web request. An empty body has no content type; a client that sent HEAD gets the head alone. */
export function httpReply(status: number, headers: Metadata, contentType: string, body: string): DirectReply {
  const bytes = Buffer.from(body, 'utf8');
  const fields = [constantField(':status', String(status))];
  if (bytes.length > 0)
    fields.push(
      constantField('content-type', contentType),
      constantField('content-length', String(bytes.length)),
    );
  for (const [name, value] of Object.entries(headers)) fields.push(constantField(name, value));
  return { head: new HeaderBlock(fields), body: bytes.length === 0 ? null : bytes };
}
