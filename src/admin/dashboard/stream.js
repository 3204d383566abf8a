/** Silence after which the sidecar counts as gone: three snapshots and a little. */
const silenceMsMax = 3_500;
const checkMs = 1_000;
const retryMs = 2_000;
/** From one reading of `/live.json` to the next, where the sidecar has no event stream left for this page. */
const pollMs = 10_000;
/** How long the page waits for the other parts of the first answer. */
const lateMs = 300;

/**
 * The live data of the sidecar, for as long as the page is visible: connects, notices silence as well as a closed connection, and
 * connects again. A hidden page holds no stream: a browser may have hundreds of them, and the sidecar has few streams. Where the
 * sidecar has no stream left, the page polls. Calls `onHistory(points)`, `onSnapshot(snapshot)`, `onClusters(part)`, `onRoutes(part)`, `onCalls(part)`,
 * `onControlPlane(part)`, `onCertificates(part)`, `onLoaded()` after the first of all these, `onNotice(text)`, and `onGone(sinceMs)` once a second while
 * the sidecar is gone.
 */
export function openStream(handlers) {
  const { onGone, onNotice, onLoaded } = handlers;
  const uses = {
    history: handlers.onHistory,
    snapshot: handlers.onSnapshot,
    clusters: handlers.onClusters,
    routes: handlers.onRoutes,
    calls: handlers.onCalls,
    controlPlane: handlers.onControlPlane,
    certificates: handlers.onCertificates,
  };
  let source;
  let heardAt = performance.now();
  let connectedAt = heardAt;
  let pollsUntil = 0;
  let isPolling = false;

  const heard = (name, use) => (event) => {
    heardAt = performance.now();
    if (isPolling) {
      isPolling = false;
      onNotice('');
    }
    use(JSON.parse(event.data));
    // The parts arrive together, the certificates last; but a part that cannot be made must not hide the others.
    if (name === 'certificates') onLoaded();
    else if (name === 'snapshot') setTimeout(onLoaded, lateMs);
  };
  const disconnect = () => {
    source?.close();
    source = undefined;
  };
  const connect = () => {
    disconnect();
    connectedAt = performance.now();
    source = new EventSource('/live/events');
    for (const [name, use] of Object.entries(uses)) source.addEventListener(name, heard(name, use));
    // EventSource gives up for good on a reply that is no stream: the sidecar has none left, or refuses this page.
    source.addEventListener('error', () => {
      if (source?.readyState === EventSource.CLOSED) void poll();
    });
  };
  const poll = async () => {
    if (document.hidden) return;
    try {
      const reply = await fetch('/live.json');
      if (!reply.ok) return;
      const all = await reply.json();
      heardAt = performance.now();
      pollsUntil = heardAt + pollMs;
      isPolling = true;
      uses.history(all.history.slice(0, -1));
      uses.snapshot(all);
      uses.clusters(all);
      uses.routes(all);
      uses.calls(all);
      uses.controlPlane(all);
      uses.certificates(all);
      onLoaded();
      onNotice('Many live pages are open. This one updates every 10 seconds until another one is closed.');
    } catch {
      // The check below reports it.
    }
  };
  const check = () => {
    if (document.hidden) return;
    const now = performance.now();
    if (isPolling && now < pollsUntil) return;
    const silentMs = now - heardAt;
    const lost = silentMs > silenceMsMax || source?.readyState !== EventSource.OPEN;
    if (!lost) return;
    if (silentMs > 1_500 && !(isPolling && silentMs < pollMs + silenceMsMax)) onGone(silentMs);
    if (now - connectedAt >= retryMs) connect();
  };
  document.addEventListener('visibilitychange', () => {
    if (document.hidden) return disconnect();
    heardAt = performance.now();
    connect();
  });
  setInterval(check, checkMs);
  connect();
}
