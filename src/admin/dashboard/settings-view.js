import { createCard } from './card.js';
import { createCells, createTable } from './data-table.js';
import { h, setAttribute, setText } from './dom.js';

const columns = [
  { key: 'setting', title: 'Setting', sort: (s) => s.path },
  { key: 'value', title: 'Value', sort: (s) => s.value },
  { key: 'default', title: 'Default' },
  { key: 'origin', title: 'Comes from', sort: (s) => s.origin },
];

/**
 * Every setting with its default and where its value comes from. They are loaded when the reader opens the card, and again when
 * another configuration is active. `update(config)` takes the version.
 */
export function createSettings(parent) {
  let values = [];
  let loadedVersion = null;
  let version = null;
  const about = h('p', { class: 'meta' });
  const withDefaults = h('input', { type: 'checkbox', id: 'with-defaults' });
  const problem = h('p', { class: 'problem', role: 'status' });
  const table = createTable({
    name: 'Settings',
    columns,
    keyOf: (setting) => setting.path,
    createRow: createSetting,
    textOf: (s) => `${s.path} ${s.value} ${s.default} ${s.origin}`,
    filterLabel: 'Filter settings',
    empty: 'No setting differs from its default.',
    tools: [h('label', { class: 'check' }, withDefaults, ' with defaults')],
  });
  const all = h('a', { class: 'all', href: '/config_dump' }, 'As a file');
  const card = createCard({
    title: 'Configuration',
    name: 'Configuration',
    kind: 'settings',
    header: [about, all],
    contents: [problem, table.bar, table.frame, table.none],
    isOpen: false,
    onOpen: () => void load(),
  });
  parent.append(card.node);
  withDefaults.addEventListener('change', show);
  function show() {
    table.update(withDefaults.checked ? values : values.filter(({ origin }) => origin !== 'default'));
  }
  async function load() {
    if (!card.isOpen || loadedVersion === version) return;
    const requested = version;
    loadedVersion = requested;
    try {
      const reply = await fetch('/config_values?format=json');
      if (!reply.ok) throw new Error(await reply.text());
      values = await reply.json();
      setText(problem, '');
      show();
    } catch (error) {
      loadedVersion = null;
      setText(problem, `The settings could not be loaded: ${error.message}`);
    }
  }
  return {
    update(config) {
      version = config.version;
      const refused = config.lastError === '' ? '' : ' · the last reload was refused';
      setText(about, `version ${config.version}${refused}`);
      void load();
    },
  };
}

function createSetting() {
  const path = h('span', { class: 'address' });
  const value = h('span', { class: 'setting-value' });
  const otherwise = h('span', { class: 'soft' });
  const origin = h('span');
  const node = createCells(columns, {
    setting: [path],
    value: [value],
    default: [otherwise],
    origin: [origin],
  });
  return {
    node,
    update(setting) {
      setText(path, setting.path);
      setText(value, setting.value || '-');
      setText(otherwise, setting.default || '-');
      setText(origin, setting.origin);
      setAttribute(node, 'data-origin', setting.origin === 'default' ? 'default' : 'set');
    },
  };
}
