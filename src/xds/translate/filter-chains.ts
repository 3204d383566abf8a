import type { Json } from '../../reflection/json.ts';
import { filterChainFields, filterChainMatchFields } from './fields/listener-fields.ts';
import { MessageReader } from './message-reader.ts';
import { Notes } from './notes.ts';

const plainProtocols: ReadonlySet<string> = new Set(['http/1.0', 'http/1.1', 'h2c', 'h2']);

/**
 * Chooses the filter chain that takes the connections of a listener: Outrigger has one certificate and one list of routes for
 * each. Of several, it is the one for plaintext HTTP; chains beside it that only forward what is not HTTP are left out.
 *
 * @param listenPort the port that the listener is bound to, undefined for a Unix socket
 */
export function chooseFilterChain(
  listener: MessageReader,
  listenPort: number | undefined,
): MessageReader | undefined {
  const chains = chainsOf(listener);
  if (chains.length === 0) {
    listener.problem('filter_chains', 'is empty; send a filter chain');
    return undefined;
  }
  const chosen = chains.length === 1 ? chains[0] : onlyPlainHttp(listener, chains);
  if (chosen === undefined) return undefined;
  const chain = chosen.read(listener.notes);
  chain.text('name');
  const match = chain.message('filter_chain_match', filterChainMatchFields);
  const port = match?.number('destination_port');
  // Istio names the port of an inbound listener in each of its chains.
  if (port !== undefined && port !== listenPort)
    match?.problem(
      'destination_port',
      `${port} is not the port of the listener; bind a listener to its own address`,
    );
  const names = match?.texts('server_names') ?? [];
  if (names.length > 0)
    match?.warning('server_names', 'is not compared: the filter chain takes connections for every name');
  return chain;
}

interface Chain {
  readonly isHttp: boolean;
  readonly isPlain: boolean;
  readonly path: string;
  read(notes: Notes): MessageReader;
}

function chainsOf(listener: MessageReader): Chain[] {
  const list = listener.rawJson('filter_chains');
  const json = Array.isArray(list) ? list : [];
  const { fieldsRead } = listener.notes;
  const chains = json.map((one, i) => chainOf(one, `filter_chains[${i}]`, fieldsRead));
  const last = listener.rawJson('default_filter_chain');
  return last === undefined ? chains : [...chains, chainOf(last, 'default_filter_chain', fieldsRead)];
}

/** What kind of chain it is is read beside the notes: what is wrong with a chain that is left out does not matter. */
function chainOf(json: Json, path: string, fieldsRead: Set<string> | null): Chain {
  const chain = readerOf(json, path, new Notes({ kind: 'listener', name: '' }, fieldsRead));
  const match = chain.message('filter_chain_match', filterChainMatchFields);
  const protocols = match?.texts('application_protocols') ?? [];
  const transport = match?.text('transport_protocol') ?? '';
  const text = JSON.stringify(chain.rawJson('filters') ?? []);
  return {
    path,
    isHttp: text.includes('http_connection_manager.v3.HttpConnectionManager'),
    isPlain:
      !chain.has('transport_socket') &&
      (transport === '' || transport === 'raw_buffer') &&
      protocols.every((protocol) => plainProtocols.has(protocol)),
    read: (notes) => readerOf(json, path, notes),
  };
}

function readerOf(json: Json, path: string, notes: Notes): MessageReader {
  return new MessageReader(json, filterChainFields, path, notes);
}

function onlyPlainHttp(listener: MessageReader, chains: readonly Chain[]): Chain | undefined {
  const http = chains.filter(({ isHttp }) => isHttp);
  const plain = http.filter(({ isPlain }) => isPlain);
  if (http.length === 1 || plain.length === 1) {
    const [chosen] = plain.length === 1 ? plain : http;
    listener.warning(
      'filter_chains',
      'has several filter chains, of which the one for plaintext HTTP is used',
    );
    return chosen;
  }
  listener.problem(
    'filter_chains',
    `has ${chains.length} filter chains, of which ${http.length} are for HTTP; send one listener for each`,
  );
  return undefined;
}
