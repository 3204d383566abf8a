/** Asks the suite's main program (`sidecars.ts`) for a sidecar in front of a server; returns the port of its listener. */
export async function askForSidecar(serverPort: number, httpVersion: number): Promise<number> {
  const reply = await fetch(`http://${process.env.SIDECARS}/${serverPort}/${httpVersion}`);
  const text = await reply.text();
  if (!reply.ok) throw new Error(`no sidecar in front of port ${serverPort}: ${text}`);
  return Number(text);
}
