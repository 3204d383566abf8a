import { stripVTControlCharacters } from 'node:util';

export interface CaseResult {
  /** Suite, section and number, `h2spec/http2/5.1/8`; httpwg has titles and no numbers. */
  readonly id: string;
  readonly title: string;
  readonly passed: boolean;
}

export interface SuiteReport {
  readonly cases: CaseResult[];
  /** What the program said of those that failed, for a person. */
  readonly failures: string;
}

/** The four parts that h2spec and h2specd print, by their titles. */
const parts: ReadonlyArray<readonly [title: string, key: string]> = [
  ['Generic tests for HTTP/2 server', 'generic'],
  ['Hypertext Transfer Protocol Version 2 (HTTP/2)', 'http2'],
  ['HPACK: Header Compression for HTTP/2', 'hpack'],
  ['Generic tests for HTTP/2 client', 'client'],
];

/** Reads what h2spec or h2specd printed. */
export function readH2spec(suite: string, output: string): SuiteReport {
  const failuresAt = output.search(/^Failures:/m);
  const listing = failuresAt < 0 ? output : output.slice(0, failuresAt);
  const cases: CaseResult[] = [];
  let part = '';
  let section = '';
  for (const line of listing.split('\n')) {
    const text = line.trim();
    const known = parts.find(([title]) => title === text);
    const heading = /^(\d+(?:\.\d+)*)\. /.exec(text);
    const result = /([✔×]) (\d+): (.*)$/.exec(text);
    if (known !== undefined) part = known[1];
    else if (heading !== null) section = heading[1];
    else if (result !== null) {
      const id = `${suite}/${part}/${section}/${result[2]}`;
      cases.push({ id, title: result[3], passed: result[1] === '✔' });
    }
  }
  const failures = failuresAt < 0 ? '' : output.slice(failuresAt).split(/^Finished in/m)[0];
  return { cases, failures };
}

/** Reads what httpwg printed: `✅ Test passed: RFC 9113 :: 4. http frames :: frame exceeding max size`. */
export function readHttpwg(suite: string, output: string): SuiteReport {
  const cases: CaseResult[] = [];
  const failures: string[] = [];
  const lines = output.split('\n');
  for (const [index, line] of lines.entries()) {
    const result = /Test (passed|failed): [^:]+ :: (\d+)\. [^:]+ :: (.+)$/.exec(line);
    if (result === null) continue;
    const [, verdict, section, title] = result;
    cases.push({ id: `${suite}/${section}/${title}`, title: '', passed: verdict === 'passed' });
    // The reason stands two lines below.
    if (verdict === 'failed')
      failures.push(`${title}: ${stripVTControlCharacters(lines[index + 2] ?? '').trim()}`);
  }
  return { cases, failures: failures.join('\n') };
}
