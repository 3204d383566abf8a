import { createReport } from './call-report.js';
import { h, setAttribute, setHidden, setText } from './dom.js';
import { createProblem, labelled } from './form-control.js';
import { plural } from './format.js';

const balanced = 'Any (balanced)';
/** Endpoints that can be chosen. */
const endpointsMax = 1_000;

function createHeading() {
  return h(
    'header',
    {},
    h('h2', {}, 'Call a replica'),
    h(
      'p',
      { class: 'meta' },
      'Makes a gRPC call through a listener of this sidecar. The replica handles it as any other call.',
    ),
  );
}

/** Makes gRPC calls to replicas. Nothing is sent before the reader asks for it. `update(snapshot)` with each snapshot of the page. */
export function createCall(parent) {
  const listener = h('select');
  const listenerField = labelled('Listener', listener);
  const endpoint = h('select', {}, h('option', { value: '' }, balanced));
  const method = h('select', {}, h('option', { value: '' }, 'List the methods first'));
  const load = h('button', { type: 'button' }, 'List methods');
  const data = h('textarea', { rows: '9', spellcheck: 'false', autocomplete: 'off' });
  const headers = h('textarea', {
    rows: '2',
    spellcheck: 'false',
    autocomplete: 'off',
    placeholder: 'x-user: 42',
  });
  const timeout = h('input', { type: 'number', min: '1', max: '15', value: '10' });
  const send = h('button', { type: 'submit', class: 'go' }, 'Send');
  const problem = createProblem();
  const status = h('p', { class: 'call-status', role: 'status' });
  const report = createReport();
  const form = h(
    'form',
    { class: 'controls', 'aria-label': 'Call', novalidate: '' },
    listenerField,
    labelled('Endpoint', endpoint, '', 'endpoint'),
    labelled('Method', method, '', 'method'),
    h('div', { class: 'actions' }, load),
    labelled(
      'Request message',
      data,
      'JSON. For a stream of requests: an array, or one message on each line.',
      'wide',
    ),
    labelled('Metadata', headers, 'One "name: value" on each line.', 'metadata'),
    labelled('Deadline, seconds', timeout, 'At most 15.'),
    h('div', { class: 'actions wide' }, send),
  );
  parent.append(
    h(
      'section',
      { class: 'card replica-call', 'aria-label': 'Call a replica' },
      createHeading(),
      form,
      problem.node,
      status,
      report.node,
    ),
  );

  const drafts = new Map();
  let methods = [];
  let isBusy = false;

  async function ask(path, body, doing, button) {
    if (isBusy) return undefined;
    isBusy = true;
    problem.show('');
    setText(status, doing);
    setAttribute(button, 'aria-disabled', 'true');
    const answer = await post(path, body);
    isBusy = false;
    setAttribute(button, 'aria-disabled', null);
    if (answer.error === undefined) return answer.value;
    setText(status, '');
    problem.show(answer.error, wrongControl(answer.error, data, headers));
    return undefined;
  }
  const way = () => ({
    ...(listener.value === '' ? {} : { listener: listener.value }),
    ...(endpoint.value === '' ? {} : { endpoint: endpoint.value }),
    headers: headersOf(headers.value),
  });
  load.addEventListener('click', async () => {
    const found = await ask('/call/methods', way(), 'Asking the reflection service…', load);
    if (found === undefined) return;
    methods = found.methods;
    const chosen = method.value;
    method.replaceChildren(...methodOptions(methods));
    if (methods.some(({ name }) => name === chosen)) method.value = chosen;
    setText(
      status,
      [`${plural(methods.length, 'method', 'methods')}.`, ...found.problems.map((one) => `${one}.`)].join(
        ' ',
      ),
    );
    choose();
  });
  function choose() {
    const known = methods.find(({ name }) => name === method.value);
    data.value =
      drafts.get(method.value) ?? (known === undefined ? '' : JSON.stringify(known.template, null, 2));
  }
  method.addEventListener('change', choose);
  data.addEventListener('input', () => drafts.set(method.value, data.value));
  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    if (method.value === '') return problem.show('Not sent: list the methods, and choose one.', load);
    const timeoutMs = Math.round(Number(timeout.value) * 1000);
    const body = { ...way(), method: method.value, data: data.value, timeoutMs };
    const result = await ask('/call', body, 'Waiting for the reply…', send);
    if (result === undefined) return;
    setText(status, `${result.status}, ${plural(result.messages.length, 'message', 'messages')}.`);
    report.show(method.value, result);
  });
  return {
    update({ listeners, clusters }) {
      const names = listeners.filter(({ protocol }) => protocol === 'auto').map(({ name }) => name);
      fill(
        listener,
        names.map((name) => [name, name]),
      );
      setHidden(listenerField, names.length < 2);
      const all = clusters.flatMap(({ name, endpoints }) =>
        endpoints.map(({ address }) => [address, `${address} (${name})`]),
      );
      const known = new Map(all.toReversed());
      fill(endpoint, [['', balanced], ...[...known].toReversed().slice(0, endpointsMax)]);
    },
  };
}

/** Options change only if they differ: a list that is open must not close each second. */
function fill(select, options) {
  const now = [...select.options].map(({ value }) => value).join('\n');
  if (now === options.map(([value]) => value).join('\n') && select.options.length === options.length) return;
  const { value } = select;
  select.replaceChildren(...options.map(([one, text]) => h('option', { value: one }, text)));
  if (options.some(([one]) => one === value)) select.value = value;
}

function methodOptions(methods) {
  const byService = Map.groupBy(methods, ({ name }) => name.split('/')[0]);
  if (byService.size === 0) return [h('option', { value: '' }, 'The server has no methods')];
  return [...byService].map(([service, own]) =>
    h('optgroup', { label: service }, ...own.map((one) => h('option', { value: one.name }, optionText(one)))),
  );
}

function optionText({ name, requestStream, responseStream }) {
  const streams = [requestStream ? 'requests' : '', responseStream ? 'replies' : ''].filter(
    (text) => text !== '',
  );
  return `${name.split('/')[1]}${streams.length > 0 ? ` (stream of ${streams.join(' and ')})` : ''}`;
}

/** Lines without a colon become names without a value, which the sidecar refuses with the reason. */
function headersOf(text) {
  const lines = text.split('\n').filter((line) => line.trim() !== '');
  return lines.map((line) => {
    const colon = line.indexOf(':');
    return colon < 0 ? [line.trim(), ''] : [line.slice(0, colon).trim(), line.slice(colon + 1).trim()];
  });
}

function wrongControl(text, data, headers) {
  if (text.startsWith('Not sent: The request')) return data;
  return /metadata|"headers"/.test(text) ? headers : null;
}

async function post(path, body) {
  try {
    const reply = await fetch(path, { method: 'POST', body: JSON.stringify(body) });
    return reply.ok ? { value: await reply.json() } : { error: (await reply.text()).trim() };
  } catch {
    return { error: 'The sidecar does not answer.' };
  }
}
