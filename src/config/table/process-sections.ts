import { admin } from './admin.ts';
import { modules } from './modules.ts';
import { drain, limits, log, reload, zone } from './process.ts';
import { telemetry } from './telemetry.ts';
import { xds } from './xds.ts';

/**
 * The sections of the process: all but listeners and clusters. They have the settings that a flag or a variable can set, so the
 * command line needs them alone, and starts without loading the policies, balancers and probes of the rest.
 */
export const processSections = { admin, telemetry, modules, xds, limits, drain, reload, zone, log };
