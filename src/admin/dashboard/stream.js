/** Silence after which the sidecar counts as gone: three snapshots and a little. */
const silenceMsMax = 3_500;
const retryMs = 1_000;

/**
 * The live events of the sidecar, for as long as the page is open: connects, notices silence as well as a closed
 * connection, and connects again. Calls `onHistory(points)`, `onSnapshot(snapshot)` and `onGone(sinceMs)`, the last
 * once a second while the sidecar is gone.
 */
export function openStream({ onHistory, onSnapshot, onGone }) {
  let source;
  let heardAt = performance.now();
  const heard = (use) => (event) => {
    heardAt = performance.now();
    use(JSON.parse(event.data));
  };
  const connect = () => {
    source?.close();
    source = new EventSource('/live/events');
    source.addEventListener('history', heard(onHistory));
    source.addEventListener('snapshot', heard(onSnapshot));
  };
  // EventSource gives up for good on a reply that is no stream (a 503), and waits for ever on a stalled one.
  let triedAt = heardAt;
  setInterval(() => {
    const now = performance.now();
    const silentMs = now - heardAt;
    const lost = silentMs > silenceMsMax || source.readyState !== EventSource.OPEN;
    if (!lost) return;
    if (silentMs > 1_500) onGone(silentMs);
    if (now - triedAt < 2 * retryMs) return;
    triedAt = now;
    connect();
  }, retryMs);
  connect();
}
