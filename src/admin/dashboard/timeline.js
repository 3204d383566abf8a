import { h, setAttribute } from './dom.js';
import { span } from './format.js';

/** Readings that a timeline shows, and how far apart they are: as in `state-history.ts`. */
const points = 60;
const intervalMs = 5_000;
/** A timeline that only moves on is drawn this often, milliseconds: every endpoint has one, and they are costly to paint. */
const drawnEveryMs = 20_000;

const words = {
  h: 'healthy',
  u: 'unhealthy',
  e: 'ejected',
  d: 'draining',
  n: 'not probed yet',
  s: 'standby',
};
const colours = {
  h: 'var(--ok-fill)',
  u: 'var(--bad-fill)',
  e: 'var(--bad-fill)',
  d: 'var(--line)',
  n: 'var(--warn-fill)',
  s: 'var(--line)',
};

/** The states of an endpoint over the last minutes, oldest left. `update(timeline)`: `h40e3h17`. */
export function createTimeline() {
  const node = h('span', { class: 'timeline', role: 'img' });
  let shown;
  let shownStates;
  let drawnAt = 0;
  return {
    node,
    update(timeline) {
      const states = timeline.replaceAll(/\d/g, '');
      const isRecent = performance.now() - drawnAt < drawnEveryMs;
      if (timeline === shown || (isRecent && states === shownStates)) return;
      shown = timeline;
      shownStates = states;
      drawnAt = performance.now();
      const runs = runsOf(timeline);
      node.style.setProperty('--states', gradientOf(runs));
      const text = timelineText(runs);
      setAttribute(node, 'aria-label', text);
      setAttribute(node, 'title', text);
    },
  };
}

/** `h40e3` → `[['h', 40], ['e', 3]]`. */
export function runsOf(timeline) {
  return [...timeline.matchAll(/([a-z])(\d+)/g)].map(([, state, length]) => [state, Number(length)]);
}

/** What the states were in words: `last 5 minutes: healthy 4 m 45 s, ejected 15 s`. */
export function timelineText(runs) {
  const sums = new Map();
  for (const [state, length] of runs) sums.set(state, (sums.get(state) ?? 0) + length);
  const parts = [...sums].map(([state, length]) => `${words[state]} ${span(length * intervalMs)}`);
  return `Last 5 minutes: ${parts.join(', ') || 'no data yet'}`;
}

function gradientOf(runs) {
  const known = runs.reduce((sum, [, length]) => sum + length, 0);
  const stops = [];
  let at = points - known;
  if (at > 0) stops.push(`transparent 0 ${percentOf(at)}`);
  for (const [state, length] of runs) {
    stops.push(`${colours[state]} ${percentOf(at)} ${percentOf(at + length)}`);
    at += length;
  }
  return stops.length === 0 ? 'none' : `linear-gradient(90deg, ${stops.join(', ')})`;
}

function percentOf(at) {
  return `${((at / points) * 100).toFixed(2)}%`;
}
