/** Which of the usable endpoints gets a call: the policies, as a configuration writes them. */
export const policyNames = [
  'least_request',
  'peak_ewma',
  'round_robin',
  'random',
  'ring_hash',
  'maglev',
  'ip_hash',
  'sticky_cookie',
] as const;
export type PolicyName = (typeof policyNames)[number];
