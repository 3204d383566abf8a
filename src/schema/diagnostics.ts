/** Where checks report what they found. Paths are those of the file: `listeners[0].routes[1].cluster`. */
export interface Diagnostics {
  problem(path: string, message: string): void;
  /** Something odd that is no error. */
  warning(path: string, message: string): void;
  /** Line of a path, 0 where it was not written in a file. */
  lineOf(path: string): number;
}
