import { referencePage } from '../../src/config/reference.ts';
import { balancePlots } from './balance-plots.ts';
import { errorsPage } from './errors-page.ts';
import { xdsFieldsPage } from './xds-fields-page.ts';

/** The pages and plots of docs/ that are generated, by path from the root of the repository. */
export const generatedPages: Readonly<Record<string, () => string>> = {
  'docs/configuration.md': () => referencePage(),
  'docs/errors.md': errorsPage,
  'docs/xds-fields.md': xdsFieldsPage,
  ...balancePlots(),
};
