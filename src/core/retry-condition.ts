import { grpcStatusNames } from './grpc-status.ts';

/** What a reply may be retried for by its HTTP status, or by how an attempt broke off. */
export const httpConditions = ['5xx', 'gateway-error', 'connect-failure', 'reset'] as const;
export type HttpCondition = (typeof httpConditions)[number];

/** `deadline-exceeded` for DEADLINE_EXCEEDED: how configuration writes gRPC statuses. OK is no failure. */
export const grpcConditions: readonly string[] = grpcStatusNames.slice(1).map(conditionOf);

/** A condition: one of the above, or the HTTP status itself. */
export type RetryCondition = string | number;

/** Spelt as in the lists above: people write UNAVAILABLE, `resource_exhausted` and `resource-exhausted`. */
export function conditionOf(name: string): string {
  return name.toLowerCase().replaceAll('_', '-');
}

/** The number of a gRPC status written as a condition, -1 where it is none. */
export function grpcStatusOfCondition(condition: string): number {
  return grpcConditions.indexOf(condition) + 1 || -1;
}
