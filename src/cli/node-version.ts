/** The oldest Node that has all that Outrigger uses; `engines` of package.json says the same. */
export const nodeVersionMin = '22.18.0';

/** Returns why this version of Node cannot run Outrigger; undefined if it can. npm only warns of `engines`. */
export function nodeProblem(version: string): string | undefined {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const [majorMin = 0, minorMin = 0] = nodeVersionMin.split('.').map(Number);
  if (major > majorMin || (major === majorMin && minor >= minorMin)) return undefined;
  return `Outrigger requires Node ${majorMin}.${minorMin} or later, and this is Node ${version}; install a newer Node, or use the container image`;
}
