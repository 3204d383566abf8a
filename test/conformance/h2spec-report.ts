export interface CaseResult {
  /** Suite, section and number, `http2/5.1/8`. */
  readonly id: string;
  readonly title: string;
  readonly passed: boolean;
}

/** The four parts that the two programs print, by their titles. */
const suites: ReadonlyArray<readonly [title: string, key: string]> = [
  ['Generic tests for HTTP/2 server', 'generic'],
  ['Hypertext Transfer Protocol Version 2 (HTTP/2)', 'http2'],
  ['HPACK: Header Compression for HTTP/2', 'hpack'],
  ['Generic tests for HTTP/2 client', 'client'],
];

/** Reads what h2spec or h2specd printed; `failures` is what it said of those that failed, for a person. */
export function readReport(output: string): { cases: CaseResult[]; failures: string } {
  const failuresAt = output.search(/^Failures:/m);
  const listing = failuresAt < 0 ? output : output.slice(0, failuresAt);
  const cases: CaseResult[] = [];
  let suite = '';
  let section = '';
  for (const line of listing.split('\n')) {
    const text = line.trim();
    const known = suites.find(([title]) => title === text);
    const heading = /^(\d+(?:\.\d+)*)\. /.exec(text);
    const result = /([✔×]) (\d+): (.*)$/.exec(text);
    if (known !== undefined) suite = known[1];
    else if (heading !== null) section = heading[1];
    else if (result !== null) {
      cases.push({ id: `${suite}/${section}/${result[2]}`, title: result[3], passed: result[1] === '✔' });
    }
  }
  return { cases, failures: failuresAt < 0 ? '' : output.slice(failuresAt) };
}
