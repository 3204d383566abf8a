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
    doc: 'Policy modules: code of your own that `policies` of a route runs in this process, with its rights. See docs/policies/modules.md.',
    reload: 'live',
  },
  {
    allow: key(allowed, {
      default: false,
      doc: 'Which modules may be loaded: none, any file, or files within these directories, which are found from the directory of the configuration file. Symbolic links are resolved first.',
    }),
    slow: key(duration({ min: '1ms', max: '10s' }), {
      default: '10ms',
      doc: 'How long a hook of a module may run before the log contains a warning. All requests wait while a hook runs.',
    }),
    timeout: key(duration({ min: '1ms', max: '10m' }), {
      default: '1s',
      doc: 'How long a hook that waits may take to decide about a request; then the request fails with `policy_failed`.',
    }),
  },
);
