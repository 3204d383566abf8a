import type { Result } from '../../core/result.ts';
import type { PolicyList } from '../../policies/compile.ts';
import type { Diagnostics } from '../../schema/diagnostics.ts';
import type { Draft } from '../../schema/typed.ts';
import type { Config } from '../table.ts';

/** What rules need from outside this folder. */
export interface RuleHelp {
  /** The policies that a route may have. */
  readonly policies: PolicyList;
  /** What is wrong with a regular expression of a policy, or undefined. */
  checkRegex(pattern: string): string | undefined;
  /** What is wrong with the text of a bootstrap file of gRPC, or the files that it names. */
  readonly checkBootstrap?: ((text: string) => Result<readonly string[]>) | undefined;
  /** A file that the configuration names, or why it cannot be read. */
  readFile(path: string): Result<Buffer>;
  /** Why a file cannot be written or made, or undefined. */
  checkWritable(path: string): string | undefined;
}

/** Checks a draft. Any part of it may be missing because it was wrong and has been reported already. */
export type Rule = (config: Draft<Config>, diagnostics: Diagnostics, help: RuleHelp) => void;

export type DraftListener = NonNullable<Draft<Config>['listeners']>[number];
export type DraftRoute = NonNullable<DraftListener['routes']>[number];
export type DraftCluster = NonNullable<Draft<Config>['clusters']>[number];
