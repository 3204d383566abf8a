import { span } from './format.js';

/** One word for what matters most, its colour, and the reason in plain words. */
export function endpointState(e) {
  const probe = e.health.reason || e.health.status;
  if (e.draining) return { word: 'draining', tone: 'idle', why: `no new requests; ${probe}` };
  if (e.ejectedForMs !== null)
    return {
      word: 'ejected',
      tone: 'bad',
      why: [e.unusableReason, `back in ${span(e.ejectedForMs)}`].filter(Boolean).join('; '),
    };
  const why = `${probe} for ${span(e.health.sinceMs)}`;
  if (e.health.status === 'unhealthy') return { word: 'unhealthy', tone: 'bad', why };
  if (e.health.status === 'unknown') return { word: 'unknown', tone: 'warn', why: e.unusableReason || why };
  if (!e.usable) return { word: 'standby', tone: 'idle', why: e.unusableReason };
  return { word: 'healthy', tone: 'ok', why };
}

const ranks = ['ejected', 'unhealthy', 'unknown', 'draining', 'healthy', 'standby'];

/** Endpoints with problems come first. */
export function stateRank(e) {
  return ranks.indexOf(endpointState(e).word);
}
