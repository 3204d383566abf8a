import { type Node, SyntaxKind } from 'typescript/unstable/ast';
import {
  isArrayLiteralExpression,
  isArrowFunction,
  isBinaryExpression,
  isBlock,
  isCallExpression,
  isConditionalExpression,
  isExpressionStatement,
  isForStatement,
  isIfStatement,
  isPostfixUnaryExpression,
  isPrefixUnaryExpression,
  isPropertyAccessExpression,
  isReturnStatement,
  isWhileStatement,
} from 'typescript/unstable/ast/is';

/** A change of one node: the text that stands in its place. */
export interface Mutation {
  readonly node: Node;
  readonly kind: string;
  readonly replacement: string;
}

/** Returns the source text of a node, without the comments before it. */
export type TextOf = (node: Node) => string;

const swappedOperators: ReadonlyMap<SyntaxKind, readonly [kind: string, operator: string]> = new Map([
  [SyntaxKind.LessThanToken, ['boundary', '<=']],
  [SyntaxKind.LessThanEqualsToken, ['boundary', '<']],
  [SyntaxKind.GreaterThanToken, ['boundary', '>=']],
  [SyntaxKind.GreaterThanEqualsToken, ['boundary', '>']],
  [SyntaxKind.EqualsEqualsEqualsToken, ['equality', '!==']],
  [SyntaxKind.ExclamationEqualsEqualsToken, ['equality', '===']],
  [SyntaxKind.PlusToken, ['arithmetic', '-']],
  [SyntaxKind.MinusToken, ['arithmetic', '+']],
  [SyntaxKind.AsteriskToken, ['arithmetic', '/']],
  [SyntaxKind.SlashToken, ['arithmetic', '*']],
  [SyntaxKind.PercentToken, ['arithmetic', '*']],
  [SyntaxKind.AmpersandToken, ['bits', '|']],
  [SyntaxKind.BarToken, ['bits', '&']],
  [SyntaxKind.CaretToken, ['bits', '|']],
  [SyntaxKind.LessThanLessThanToken, ['bits', '>>']],
  [SyntaxKind.GreaterThanGreaterThanToken, ['bits', '<<']],
  [SyntaxKind.GreaterThanGreaterThanGreaterThanToken, ['bits', '<<']],
  [SyntaxKind.AmpersandAmpersandToken, ['logic', '||']],
  [SyntaxKind.BarBarToken, ['logic', '&&']],
  [SyntaxKind.PlusEqualsToken, ['arithmetic', '-=']],
  [SyntaxKind.MinusEqualsToken, ['arithmetic', '+=']],
  [SyntaxKind.BarEqualsToken, ['bits', '&=']],
  [SyntaxKind.AmpersandEqualsToken, ['bits', '|=']],
]);
const swappedCalls: ReadonlyMap<string, string> = new Map([
  ['Math.min', 'Math.max'],
  ['Math.max', 'Math.min'],
  ['Math.floor', 'Math.ceil'],
  ['Math.ceil', 'Math.floor'],
]);
const swappedMethods: ReadonlyMap<string, string> = new Map([
  ['some', 'every'],
  ['every', 'some'],
]);
/** Calls of these on a list are replaced by the list. */
const droppedMethods = new Set(['filter', 'sort', 'toSorted', 'reverse', 'toReversed']);
/** A list of more numbers than this is data, as a Huffman table is: it is emptied, its numbers are not changed. */
export const numbersMax = 16;

/** Returns the changes of a node that are worth a test; what is skipped is in `skipped.ts`. */
export function mutationsOf(node: Node, textOf: TextOf): Mutation[] {
  const found: Mutation[] = [];
  const add = (target: Node, kind: string, replacement: string): void => {
    found.push({ node: target, kind, replacement });
  };
  addOperators(node, textOf, add);
  addLiterals(node, textOf, add);
  addConditions(node, add);
  addCalls(node, textOf, add);
  addStatements(node, add);
  addReturns(node, add);
  return found;
}

type Add = (target: Node, kind: string, replacement: string) => void;

function addOperators(node: Node, textOf: TextOf, add: Add): void {
  if (isBinaryExpression(node)) {
    const { left, right, operatorToken } = node;
    if (operatorToken.kind === SyntaxKind.QuestionQuestionToken) add(node, 'default', textOf(left));
    const swapped = swappedOperators.get(operatorToken.kind);
    if (swapped === undefined || (isSum(operatorToken.kind) && (isText(left) || isText(right)))) return;
    add(node, swapped[0], `${textOf(left)} ${swapped[1]} ${textOf(right)}`);
  }
  if (isPostfixUnaryExpression(node) && !isLoopStep(node))
    add(node, 'update', `${textOf(node.operand)}${node.operator === SyntaxKind.PlusPlusToken ? '--' : '++'}`);
  if (!isPrefixUnaryExpression(node) || isLoopStep(node)) return;
  if (node.operator === SyntaxKind.PlusPlusToken) add(node, 'update', `--${textOf(node.operand)}`);
  if (node.operator === SyntaxKind.MinusMinusToken) add(node, 'update', `++${textOf(node.operand)}`);
  if (node.operator === SyntaxKind.ExclamationToken || node.operator === SyntaxKind.MinusToken)
    add(node, 'negation', textOf(node.operand));
}

function isSum(operator: SyntaxKind): boolean {
  return operator === SyntaxKind.PlusToken || operator === SyntaxKind.PlusEqualsToken;
}

/** Whether an expression is text as it stands there. */
function isText(node: Node): boolean {
  const { kind } = node;
  return (
    kind === SyntaxKind.StringLiteral ||
    kind === SyntaxKind.NoSubstitutionTemplateLiteral ||
    kind === SyntaxKind.TemplateExpression ||
    (isBinaryExpression(node) && isSum(node.operatorToken.kind) && (isText(node.left) || isText(node.right)))
  );
}

/** The step of a `for` counts in one direction only: the other is an endless loop, which proves nothing. */
function isLoopStep(node: Node): boolean {
  return isForStatement(node.parent) && node.parent.incrementor === node;
}

function addLiterals(node: Node, textOf: TextOf, add: Add): void {
  const { kind } = node;
  if (kind === SyntaxKind.TrueKeyword) add(node, 'boolean', 'false');
  if (kind === SyntaxKind.FalseKeyword) add(node, 'boolean', 'true');
  const isElement = isArrayLiteralExpression(node.parent ?? node) && node.parent !== node;
  if (isElement && (node.parent as unknown as { elements: readonly Node[] }).elements.length > numbersMax)
    return;
  if (kind === SyntaxKind.NumericLiteral && !isName(node)) add(node, 'number', `${textOf(node)} + 1`);
  if (kind === SyntaxKind.BigIntLiteral) add(node, 'number', `${textOf(node)} + 1n`);
  if (isArrayLiteralExpression(node) && node.elements.length > 0 && !isPattern(node)) add(node, 'list', '[]');
}

/** Whether a number is the name of a property, in an object or in a pattern. */
function isName(node: Node): boolean {
  const { parent } = node;
  return (
    ('name' in parent && parent.name === node) || ('propertyName' in parent && parent.propertyName === node)
  );
}

/** Whether a list is the left side of an assignment. */
function isPattern(node: Node): boolean {
  return (
    isBinaryExpression(node.parent) &&
    node.parent.left === node &&
    node.parent.operatorToken.kind === SyntaxKind.EqualsToken
  );
}

function addConditions(node: Node, add: Add): void {
  const isChoice = isIfStatement(node) || isConditionalExpression(node);
  const condition = isIfStatement(node)
    ? node.expression
    : isConditionalExpression(node) || isForStatement(node)
      ? node.condition
      : isWhileStatement(node)
        ? node.expression
        : undefined;
  if (condition === undefined) return;
  if (condition.kind === SyntaxKind.TrueKeyword || condition.kind === SyntaxKind.FalseKeyword) return;
  if (isChoice) add(condition, 'condition', 'true');
  add(condition, 'condition', 'false');
}

function addCalls(node: Node, textOf: TextOf, add: Add): void {
  if (!isCallExpression(node) || !isPropertyAccessExpression(node.expression)) return;
  const { expression, arguments: given } = node;
  const swapped = swappedCalls.get(textOf(expression));
  if (swapped !== undefined) add(node, 'bound', `${swapped}(${given.map(textOf).join(', ')})`);
  const list = textOf(expression.expression);
  const method = expression.name.text;
  const other = swappedMethods.get(method);
  if (other !== undefined) add(node, 'predicate', `${list}.${other}(${given.map(textOf).join(', ')})`);
  if (droppedMethods.has(method)) add(node, 'predicate', list);
}

function addStatements(node: Node, add: Add): void {
  const { kind } = node;
  const isBareReturn = isReturnStatement(node) && node.expression === undefined;
  const isJump = kind === SyntaxKind.BreakStatement || kind === SyntaxKind.ContinueStatement;
  if (isBareReturn || isJump || kind === SyntaxKind.ThrowStatement || isEffect(node))
    add(node, 'statement', '');
}

/** Whether a statement is there for its effect: a call, an assignment, a count or a `delete`. */
function isEffect(node: Node): boolean {
  if (!isExpressionStatement(node)) return false;
  const { expression } = node;
  if (isCallExpression(expression)) return expression.expression.kind !== SyntaxKind.SuperKeyword;
  return expression.kind !== SyntaxKind.StringLiteral;
}

function addReturns(node: Node, add: Add): void {
  if (isReturnStatement(node) && node.expression !== undefined && hasContent(node.expression))
    add(node.expression, 'return', 'undefined');
  if (isArrowFunction(node) && !isBlock(node.body) && hasContent(node.body))
    add(node.body, 'return', 'undefined');
}

/** Texts, literals and lists are judged by other rules. */
function hasContent(node: Node): boolean {
  return (
    !isText(node) &&
    !isArrayLiteralExpression(node) &&
    node.kind !== SyntaxKind.TrueKeyword &&
    node.kind !== SyntaxKind.FalseKeyword &&
    node.kind !== SyntaxKind.NumericLiteral &&
    node.kind !== SyntaxKind.NullKeyword &&
    !(node.kind === SyntaxKind.Identifier && (node as unknown as { text: string }).text === 'undefined')
  );
}
