import { shown } from '../../schema/problem.ts';
import { duration, listOf, type ScalarType, text, toggle, wrongKind } from '../../schema/scalar-type.ts';
import { key, section } from '../../schema/shape.ts';

const directories = listOf(text({ label: 'directory', charsMax: 4096 }), { itemsMax: 32 });
const write = 'true, false or a list of directories, such as [./policies]';

const allowed: ScalarType<boolean | readonly string[]> = {
  label: 'true, false or list of directories',
  unit: '',
  jsonSchema: { anyOf: [toggle.jsonSchema, directories.jsonSchema] },
  fromText: (value) => (/^(true|false)$/.test(value) ? value === 'true' : directories.fromText(value)),
  toRaw: (value) => (typeof value === 'boolean' ? value : directories.toRaw(value)),
  parse: (raw) => {
    if (typeof raw === 'boolean') return { value: raw };
    if (typeof raw === 'string') return { error: `${shown(raw)} is text; write ${write}` };
    return Array.isArray(raw) ? directories.parse(raw) : wrongKind(raw, write);
  },
};

/** Code of the user's own in this process. */
export const modules = section(
  {
    doc: 'Policy modules: your own code, which the `policies` of a route run in this process and with its permissions. See docs/policies/modules.md.',
    reload: 'live',
  },
  {
    allow: key(allowed, {
      default: false,
      doc: 'Which module files Outrigger may load: none (`false`), any file (`true`), or the files in these directories, relative to the directory of the configuration file. Outrigger resolves symbolic links first.',
    }),
    slow: key(duration({ min: '1ms', max: '10s' }), {
      default: '10ms',
      doc: 'Run time of a hook above which Outrigger logs a warning. All requests wait while a hook runs.',
    }),
    timeout: key(duration({ min: '1ms', max: '10m' }), {
      default: '1s',
      doc: 'Maximum time for an asynchronous hook to decide about a request. Then the request fails with `policy_failed`.',
    }),
  },
);
