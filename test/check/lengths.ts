import type { Node } from 'typescript/unstable/ast';
import {
  isArrowFunction,
  isConstructorDeclaration,
  isFunctionDeclaration,
  isFunctionExpression,
  isGetAccessorDeclaration,
  isIdentifier,
  isMethodDeclaration,
  isSetAccessorDeclaration,
} from 'typescript/unstable/ast/is';
import type { Finding } from './finding.ts';
import { type CheckedFile, lastLineOf, lineOf } from './program.ts';

export const fileLinesMax = 500;
export const functionLinesMax = 70;

/**
 * Files of at most `fileLinesMax` lines, functions of at most `functionLinesMax` of their own: the lines of a function
 * inside another count for the inner one only, so that a closure over state is judged as a class is.
 */
export function checkLengths(files: readonly CheckedFile[]): Finding[] {
  const findings: Finding[] = [];
  for (const file of files) {
    const lines = file.text.trimEnd().split('\n').length;
    if (lines > fileLinesMax)
      findings.push({
        file: file.path,
        line: fileLinesMax + 1,
        rule: 'file-length',
        message: `the file has ${lines} lines, ${fileLinesMax} are allowed; give its second idea a file of its own`,
      });
    measure(file, file.ast, findings);
  }
  return findings;
}

/** The lines taken by functions at or below a node, each counted once. */
function measure(file: CheckedFile, node: Node, findings: Finding[]): number {
  let inner = 0;
  node.forEachChild((child) => {
    inner += measure(file, child, findings);
    return undefined;
  });
  if (!isFunction(node)) return inner;
  const line = lineOf(file, node);
  const all = lastLineOf(file, node) - line + 1;
  const own = all - inner;
  if (own > functionLinesMax)
    findings.push({
      file: file.path,
      line,
      rule: 'function-length',
      message: `${nameOf(node)} has ${own} lines of its own, ${functionLinesMax} are allowed; cut it into steps that have names`,
    });
  // Its first and last line belong to the function around it as well, mostly: a call, and its closing bracket.
  return Math.max(all - 2, 0);
}

function isFunction(node: Node): boolean {
  return (
    isFunctionDeclaration(node) ||
    isFunctionExpression(node) ||
    isArrowFunction(node) ||
    isMethodDeclaration(node) ||
    isConstructorDeclaration(node) ||
    isGetAccessorDeclaration(node) ||
    isSetAccessorDeclaration(node)
  );
}

function nameOf(node: Node): string {
  const holder = 'name' in node && node.name !== undefined ? node : node.parent;
  const name = 'name' in holder ? (holder.name as Node | undefined) : undefined;
  if (isConstructorDeclaration(node)) return 'the constructor';
  return name !== undefined && isIdentifier(name) ? `${name.text}()` : 'this function';
}
