import type { Finding } from './finding.ts';

/** SPDX identifiers of licences under which the package may be used with its dependencies, without conditions but their notices. */
export const allowedLicenses: ReadonlySet<string> = new Set([
  '0BSD',
  'Apache-2.0',
  'BSD-2-Clause',
  'BSD-3-Clause',
  'ISC',
  'MIT',
]);

/** The part of package-lock.json that tells who may install what. */
export interface LockedPackages {
  readonly [place: string]: { readonly license?: string; readonly dev?: boolean };
}

/** Reports dependencies of production whose licence is missing or not on the list. */
export function checkLicenses(packages: LockedPackages): Finding[] {
  return Object.entries(packages).flatMap(([place, { license = '', dev = false }]) => {
    if (dev || allowedLicenses.has(license)) return [];
    const name = place.replace(/^.*node_modules\//, '') || 'the package';
    const found = license === '' ? 'no licence' : `the licence ${license}`;
    const message = `${name} has ${found}, which is not in test/check/licenses.ts; use another package, or add the licence`;
    return [{ file: 'package-lock.json', line: 1, rule: 'licenses', message }];
  });
}
