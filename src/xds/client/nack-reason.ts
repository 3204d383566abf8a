import { boundedText } from '../../core/bounded-text.ts';
import { safeText } from '../../core/safe-text.ts';
import type { ResourceProblem } from '../resource.ts';
import { problemsShownMax, reasonCharsMax } from './limits.ts';

/** Names and paths longer than this are truncated in a reason. */
const shownCharsMax = 200;

/** Returns the reason of a NACK: each problem with its resource and the place in it, on one line, and bounded. */
export function nackReason(problems: readonly ResourceProblem[]): string {
  const shown = problems.slice(0, problemsShownMax).map(problemText);
  const more = problems.length - shown.length;
  if (more > 0) shown.push(`and ${more} more`);
  return boundedText(shown.join('; '), reasonCharsMax);
}

function problemText({ kind, name, path, message }: ResourceProblem): string {
  const resource = `${kind} ${JSON.stringify(boundedText(name, shownCharsMax))}`;
  const place = path === '' ? '' : `${boundedText(path, shownCharsMax)}: `;
  return safeText(`${resource}: ${place}${message}`);
}
