import type { Node } from 'typescript/unstable/ast';
import {
  isExportSpecifier,
  isIdentifier,
  isImportSpecifier,
  isNewExpression,
  isPropertyAccessExpression,
} from 'typescript/unstable/ast/is';
import type { Finding } from './finding.ts';
import { importsOf } from './imports.ts';
import { type CheckedFile, lineOf, walk } from './program.ts';

interface Ban {
  /** `Date.now`, `console.*`, `new Date()` or a name alone. */
  readonly what: string;
  readonly instead: string;
  /** Paths that may use it: a file, or a folder with its `/`. */
  readonly except: readonly string[];
}

const clock = { instead: 'take a Clock (src/core/clock.ts)', except: ['src/core/clock.ts'] };
const random = { instead: 'take a Random (src/core/random.ts)', except: ['src/core/random.ts'] };

/** Globals that would tie `src/` to real time, real chance or this process's surroundings. */
export const bans: readonly Ban[] = [
  { what: 'Date.now', ...clock },
  { what: 'new Date()', ...clock },
  { what: 'performance.now', ...clock },
  { what: 'process.hrtime', ...clock },
  { what: 'setTimeout', ...clock },
  { what: 'setInterval', ...clock },
  { what: 'Math.random', ...random },
  { what: 'console.*', instead: 'take a Logger (src/core/logger.ts)', except: ['src/cli/'] },
  {
    what: 'process.env',
    instead: 'have the setting come through src/config/',
    except: ['src/config/', 'src/runtime/app.ts', 'src/main.ts', 'src/health-check/main.ts'],
  },
];
/** Modules that are another way to the same. */
const bannedModules = new Set(['node:timers', 'node:timers/promises']);

export function checkBanned(files: readonly CheckedFile[]): Finding[] {
  const findings: Finding[] = [];
  for (const file of files) {
    if (!file.path.startsWith('src/')) continue;
    const add = (line: number, what: string, instead: string): void => {
      findings.push({
        file: file.path,
        line,
        rule: 'banned',
        message: `${what} may not be used here; ${instead}`,
      });
    };
    for (const { specifier, line } of importsOf(file))
      if (bannedModules.has(specifier) && !clock.except.includes(file.path))
        add(line, specifier, clock.instead);
    walk(file.ast, (node) => {
      const ban = banOf(node, file.path);
      if (ban !== undefined) add(lineOf(file, node), ban.what, ban.instead);
    });
  }
  return findings;
}

function banOf(node: Node, path: string): Ban | undefined {
  const used = usedName(node);
  if (used === null) return undefined;
  const all = `${used.split('.')[0]}.*`;
  const ban = bans.find(({ what }) => what === used || (used.includes('.') && what === all));
  return ban?.except.some((place) => path === place || (place.endsWith('/') && path.startsWith(place)))
    ? undefined
    : ban;
}

/** The name under which `bans` may list what this node uses. */
function usedName(node: Node): string | null {
  if (isNewExpression(node)) {
    // A date made from a number reads no clock.
    const fromNow = isIdentifier(node.expression) && (node.arguments?.length ?? 0) === 0;
    return fromNow && isIdentifier(node.expression) ? `new ${node.expression.text}()` : null;
  }
  if (isPropertyAccessExpression(node)) {
    const { expression, name } = node;
    if (!isIdentifier(expression)) return null;
    return expression.text === 'globalThis' ? name.text : `${expression.text}.${name.text}`;
  }
  return isIdentifier(node) && isGlobalUse(node) ? node.text : null;
}

/** A bare name in an expression: not the name of a member, a parameter or a property that merely reads the same. */
function isGlobalUse(node: Node): boolean {
  const { parent } = node;
  if (isPropertyAccessExpression(parent)) return parent.expression === node;
  if (isImportSpecifier(parent) || isExportSpecifier(parent)) return false;
  return !('name' in parent && parent.name === node);
}
