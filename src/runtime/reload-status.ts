import type { Registry } from '../telemetry/metrics/registry.ts';

/** Which configuration runs, and how its reloads went. */
export interface ReloadStatus {
  /** 1 for the one that the process began with, and one more with each that took its place. */
  version: number;
  /** `Clock.wallMs()` of when it took its place. */
  loadedWallMs: number;
  /** Reloads that changed something or found nothing to change. */
  reloads: number;
  /** Reloads that were refused: the configuration before them stayed. */
  refused: number;
  /** Why the latest reload was refused; '' where it was not. */
  lastError: string;
}

export function newReloadStatus(nowWallMs: number): ReloadStatus {
  return { version: 1, loadedWallMs: nowWallMs, reloads: 0, refused: 0, lastError: '' };
}

/** `outrigger_config_*`. */
export function registerReloadMetrics(registry: Registry, status: ReloadStatus): void {
  registry.observe(
    'counter',
    { name: 'outrigger.config.reloads', help: 'Configuration reloads, by result.', unit: '{reload}' },
    (emit) => {
      emit({ 'outrigger.outcome': 'ok' }, status.reloads);
      emit({ 'outrigger.outcome': 'refused' }, status.refused);
    },
  );
  registry.observe(
    'gauge',
    {
      name: 'outrigger.config.version',
      help: 'Version of the active configuration: 1 at the start, one more with each reload.',
      unit: '',
    },
    (emit) => emit({}, status.version),
  );
  registry.observe(
    'gauge',
    {
      name: 'outrigger.config.loaded_time',
      help: 'Unix time at which the active configuration was loaded.',
      unit: 's',
    },
    (emit) => emit({}, status.loadedWallMs / 1000),
  );
  registry.observe(
    'gauge',
    {
      name: 'outrigger.config.last_reload_ok',
      help: '1 if the latest reload succeeded, 0 if it was refused.',
      unit: '',
    },
    (emit) => emit({}, status.lastError === '' ? 1 : 0),
  );
}
