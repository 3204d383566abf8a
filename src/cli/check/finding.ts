/** Everything that `outrigger check` checks. Each name is a heading of docs/check.md. */
export const checkNames = [
  'configuration',
  'sidecar',
  'readiness',
  'control-plane',
  'file-descriptors',
  'memory',
  'clock',
  'listen-address',
  'listener-certificate',
  'discovery',
  'dns',
  'port',
  'tls',
  'certificate-chain',
  'certificate-name',
  'certificate-expiry',
  'alpn',
  'http2',
  'stream-limit',
  'keepalive',
  'health',
] as const;
export type CheckName = (typeof checkNames)[number];

/** What one check found. */
export interface Finding {
  readonly check: CheckName;
  /** What was checked: `this machine`, `listener outbound`, `cluster orders`, `cluster orders, 10.0.0.1:50051`. */
  readonly subject: string;
  readonly result: 'ok' | 'warning' | 'failed';
  /** What was found, in one line. */
  readonly text: string;
  /** What to do; absent where nothing is wrong. */
  readonly fix?: string;
}

/** Where a user reads more about a finding. */
export function linkOf(check: CheckName): string {
  return `docs/check.md#${check}`;
}

/** Makes the findings of one subject. */
export class Findings {
  readonly list: Finding[] = [];
  private readonly subject: string;

  constructor(subject: string) {
    this.subject = subject;
  }

  ok(check: CheckName, text: string): void {
    this.list.push({ check, subject: this.subject, result: 'ok', text });
  }

  warning(check: CheckName, text: string, fix: string): void {
    this.list.push({ check, subject: this.subject, result: 'warning', text, fix });
  }

  failed(check: CheckName, text: string, fix: string): void {
    this.list.push({ check, subject: this.subject, result: 'failed', text, fix });
  }
}
