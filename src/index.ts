/**
 * `outrigger`: starts sidecars in a process of yours, for tests. See docs/tasks/embed.md. `outrigger/policy` is for policy modules.
 */
export { ConfigurationError } from './embed/configuration-error.ts';
export type {
  ConfigurationProblem,
  DrainSummary,
  Sidecar,
  SidecarConfig,
  SidecarOptions,
} from './embed/sidecar.ts';
export { startSidecar } from './embed/start-sidecar.ts';
