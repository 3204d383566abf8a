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
    { name: 'outrigger.config.reloads', help: 'Reloads by what became of them.', unit: '{reload}' },
    (emit) => {
      emit({ 'outrigger.outcome': 'ok' }, status.reloads);
      emit({ 'outrigger.outcome': 'refused' }, status.refused);
    },
  );
  registry.observe(
    'gauge',
    {
      name: 'outrigger.config.version',
      help: 'Counts the configurations that have run, this one included.',
      unit: '',
    },
    (emit) => emit({}, status.version),
  );
  registry.observe(
    'gauge',
    {
      name: 'outrigger.config.loaded_time',
      help: 'When the active configuration was loaded, since the Unix epoch.',
      unit: 's',
    },
    (emit) => emit({}, status.loadedWallMs / 1000),
  );
  registry.observe(
    'gauge',
    {
      name: 'outrigger.config.last_reload_ok',
      help: '0 when the latest reload was refused, else 1.',
      unit: '',
    },
    (emit) => emit({}, status.lastError === '' ? 1 : 0),
  );
}
