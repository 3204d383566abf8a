/** Characters of one event; a longer one ends the tap. */
const lineCharsMax = 4 * 1024 * 1024;

/**
 * Opens `/tap` with a query. Calls `onEvent(event, chars)` for each event, and `onEnd(problem)` once: with why the tap was refused or
 * broke off, or '' after its last event. Returns a function that ends the tap without a further call.
 */
export function openTap(query, { onEvent, onEnd }) {
  const controller = new AbortController();
  void read(query, controller.signal, onEvent).then(
    (problem) => {
      if (!controller.signal.aborted) onEnd(problem);
    },
    () => {
      if (!controller.signal.aborted) onEnd('The sidecar does not answer.');
    },
  );
  return () => controller.abort();
}

async function read(query, signal, onEvent) {
  const reply = await fetch(`/tap?${query}`, { signal, headers: { accept: 'application/x-ndjson' } });
  if (!reply.ok) return (await reply.text()).trim() || `The sidecar answered with status ${reply.status}.`;
  const reader = reply.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = '';
  let hasEnd = false;
  for (;;) {
    const { done, value } = await reader.read();
    if (done || signal.aborted) return hasEnd ? '' : 'The sidecar ended the tap.';
    const lines = (rest + value).split('\n');
    rest = lines.pop();
    if (rest.length > lineCharsMax) throw new Error('an event is too long');
    for (const line of lines) {
      if (line === '') continue;
      const event = JSON.parse(line);
      hasEnd = event.event === 'end';
      onEvent(event, line.length);
    }
  }
}
