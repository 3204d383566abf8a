import type { Stage } from '../../call/stage.ts';
import { exactNow } from '../../core/clock.ts';
import { mapping } from '../../schema/mapping-type.ts';
import { listOf, name, text } from '../../schema/scalar-type.ts';
import { key, list, type Section, section } from '../../schema/shape.ts';
import type { PolicyPart } from '../parts.ts';
import { type CompileEnv, definePolicy, type ModuleSettings } from '../policy.ts';
import { guardStage } from './guard-stage.ts';
import { type LoadedModule, loadModule } from './load-module.ts';
import { ModuleMetrics, ModuleWatch } from './module-watch.ts';

interface ModulesPart extends PolicyPart {
  readonly settings: ModuleSettings;
  readonly entries: ReadonlyArray<{
    readonly module: string;
    readonly loaded: LoadedModule;
    readonly config: object;
  }>;
}

/** Policies of the user's own, from module files. */
export const policyModules = definePolicy({
  key: 'policies',
  schema: list(
    {
      noun: 'policy',
      doc: 'Your own policies, in the order in which they run; see docs/policies/modules.md.',
    },
    section(
      {
        doc: 'Each item loads a policy from a module file.',
        example: '{ module: ./header-check.ts, config: { header: x-api-key } }',
      },
      {
        module: key(text({ label: 'file', charsMax: 4096 }), {
          required: true,
          doc: 'TypeScript or JavaScript file of the module, relative to the directory of the configuration file. `modules.allow` must allow it.',
        }),
        config: key(mapping, {
          otherwise: 'an empty mapping',
          secret: 'byName',
          doc: 'Configuration of the policy. The schema of the module validates it.',
        }),
        clusters: key(listOf(name, { itemsMax: 32 }), {
          default: [],
          doc: 'Clusters that the module may send requests to, in addition to the cluster of the route.',
        }),
      },
    ),
  ),
  clusters: (entries) =>
    entries.flatMap(({ clusters = [] }, i) =>
      clusters.map((cluster, j) => ({ path: `[${i}].clusters[${j}]`, name: cluster })),
    ),
  metrics: (registry) => new ModuleMetrics(registry),

  async load(entries, context): Promise<ModulesPart | null> {
    if (entries.length === 0) return null;
    const found: Array<ModulesPart['entries'][number]> = [];
    for (const [i, { module, config = {} }] of entries.entries()) {
      const { value: loaded, error } = await loadModule(module, context);
      if (loaded === undefined) {
        context.problem(`[${i}].module`, error);
        continue;
      }
      const { schema, check } = loaded.policy;
      const at = `[${i}].config`;
      const typed = schema === undefined ? config : context.read(schema as Section, config, at);
      if (typed === undefined) continue;
      const within = (report: typeof context.problem) => (path: string, message: string) =>
        report(`${at}${path}`, message);
      try {
        check?.(typed as never, {
          ...context,
          problem: within(context.problem),
          warning: within(context.warning),
        });
      } catch (reason) {
        context.problem(`[${i}].module`, `"${module}" failed in its check: ${reason}`);
      }
      found.push({ module, loaded, config: typed });
    }
    const settings = context.modules;
    const version = JSON.stringify([settings, ...found.map(({ loaded }) => [loaded.file, loaded.version])]);
    return { version, files: found.map(({ loaded }) => loaded.file), settings, entries: found };
  },

  compile(_entries, env) {
    const part = env.part as ModulesPart | null;
    if (part === null) return null;
    return part.entries.flatMap((entry) => stagesOf(entry, part.settings, env));
  },
});

function stagesOf(
  { module, loaded, config }: ModulesPart['entries'][number],
  { slowMs, timeoutMs }: ModuleSettings,
  env: CompileEnv<ModuleMetrics>,
): Stage[] {
  const { policy } = loaded;
  const { clock, logger } = env;
  const watch = new ModuleWatch({
    module,
    policy: policy.key,
    slowMs,
    clock,
    logger,
    metrics: env.metrics,
    exactNow,
  });
  const metrics = policy.metrics?.(env.metrics.forModules);
  const made = policy.compile(config as never, { ...env, metrics, part: null });
  return [made ?? []].flat().map((stage) => guardStage(stage, watch, timeoutMs));
}
