// Makes the pages better; each of them works without it.
'use strict';

// Copy buttons beside commands.
for (const box of document.querySelectorAll('pre[data-copy]')) {
  if (!navigator.clipboard) break;
  const holder = document.createElement('div');
  holder.className = 'copyable';
  box.replaceWith(holder);
  const button = document.createElement('button');
  button.type = 'button';
  button.className = 'quiet';
  button.textContent = 'Copy';
  button.addEventListener('click', async () => {
    try {
      await navigator.clipboard.writeText(box.textContent);
      button.textContent = 'Copied';
    } catch {
      button.textContent = 'Select and copy';
    }
    setTimeout(() => { button.textContent = 'Copy'; }, 2500);
  });
  holder.append(box, button);
}

// A filter over the rows that are already on the page.
let filters = 0;
for (const list of document.querySelectorAll('[data-filter]')) {
  const rows = [...list.querySelectorAll('[data-row]')];
  if (rows.length < 8) continue;
  const id = `filter-${filters += 1}`;
  const bar = document.createElement('p');
  bar.className = 'filter';
  const label = document.createElement('label');
  label.htmlFor = id;
  label.textContent = list.dataset.filter;
  const field = document.createElement('input');
  field.type = 'search';
  field.id = id;
  field.autocomplete = 'off';
  const count = document.createElement('span');
  count.className = 'age';
  count.setAttribute('role', 'status');
  field.addEventListener('input', () => {
    const words = field.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const row of rows) {
      const text = row.textContent.toLowerCase();
      row.hidden = !words.every((word) => text.includes(word));
      if (!row.hidden) shown += 1;
    }
    for (const group of list.querySelectorAll('.group')) {
      const any = [...group.querySelectorAll('[data-row]')].some((row) => !row.hidden);
      if (words.length && any) group.open = true;
    }
    count.textContent = words.length ? `${shown} of ${rows.length}` : '';
  });
  bar.append(label, field, count);
  const first = list.querySelector(':scope > .group, :scope > table');
  if (first) first.before(bar);
  else list.querySelector(':scope > h2, :scope > summary').after(bar);
}

// A link to one row unfolds what it lies in.
function unfold() {
  let place = location.hash.length > 1 && document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (!place) return;
  for (let at = place; at; at = at.parentElement) if (at.tagName === 'DETAILS') at.open = true;
  place.scrollIntoView({ block: 'nearest' });
}
addEventListener('hashchange', unfold);
unfold();

// On a narrow screen the navigation is a strip: bring the current page into it.
document.querySelector('.side [aria-current]')?.scrollIntoView({ block: 'nearest', inline: 'center' });

// A form goes once, however often its button is pressed.
document.addEventListener('submit', (event) => {
  const form = event.target;
  if (form.method !== 'post') return;
  if (form.dataset.sent) event.preventDefault();
  form.dataset.sent = 'yes';
  setTimeout(() => { delete form.dataset.sent; }, 5000);
});

// Live progress of an order.
const signs = { pass: '\u2713', fail: '\u2715', busy: '\u2026', plain: '\u2013', unknown: '?', accepted: '!' };

function part(tag, name, marker) {
  const element = document.createElement(tag);
  element.className = name;
  if (marker) element.dataset[marker] = '';
  return element;
}

// The same row as the order's template draws.
function stepRow(key) {
  const row = part('li', 'step');
  row.dataset.step = key;
  const line = part('p', 'step-title');
  const title = document.createElement('b');
  const mark = part('span', 'mark');
  const sign = part('span', 'sign', 'sign');
  sign.setAttribute('aria-hidden', 'true');
  mark.append(sign, part('span', '', 'word'));
  line.append(title, ' ', mark, ' ', part('span', 'age', 'at'));
  row.append(line, part('p', 'step-words', 'words'));
  return row;
}

function fillStep(row, step) {
  row.className = `step step-${step.mark}`;
  row.querySelector('.mark').className = `mark mark-${step.mark}`;
  row.querySelector('b').textContent = step.title;
  row.querySelector('[data-sign]').textContent = signs[step.mark];
  row.querySelector('[data-word]').textContent = step.word;
  row.querySelector('[data-at]').textContent = step.at;
  row.querySelector('[data-words]').textContent = step.words;
}

const steps = document.querySelector('ol[data-events]');
if (steps && window.EventSource) {
  const hint = document.querySelector('[data-live]');
  if (hint) hint.textContent = hint.dataset.live;
  const events = new EventSource(steps.dataset.events);
  events.addEventListener('step', (event) => {
    let step;
    try { step = JSON.parse(event.data); } catch { return; }
    if (!Object.hasOwn(signs, step.mark)) return;
    const known = [...steps.children].find((child) => child.dataset.step === step.key);
    const row = known ?? stepRow(step.key);
    // Filled before it is put in place: a screen reader says a new row once, whole.
    fillStep(row, step);
    if (!known) steps.append(row);
  });
  events.addEventListener('over', () => { events.close(); location.reload(); });
  addEventListener('pagehide', () => events.close());
}

// What a password policy yields, asked anew while one types: in the preview's own fields, or in the form of a setting.
function fillPreview(result, answer) {
  const examples = result.querySelector('[data-examples]');
  const facts = result.querySelector('[data-facts]');
  const pairs = answer.fault ? [['Not possible', answer.fault]] : answer.facts;
  examples.replaceChildren(...(answer.examples ?? []).map((words) => {
    const row = document.createElement('li');
    const code = document.createElement('code');
    code.textContent = words;
    row.append(code);
    return row;
  }));
  facts.setAttribute('aria-live', 'polite');
  facts.replaceChildren(...pairs.map(([name, words]) => {
    const pair = document.createElement('div');
    const title = document.createElement('dt');
    const text = document.createElement('dd');
    title.textContent = name;
    text.textContent = words;
    pair.append(title, text);
    return pair;
  }));
}

const previewFields = { password_length: 'length', password_strength: 'strength', password_min_length: 'least' };

for (const form of document.querySelectorAll('form[data-preview]')) {
  const holder = form.parentElement;
  const result = holder.querySelector('[data-preview-of]');
  if (!result) continue;
  let asked = 0;
  let timer;
  const ask = async () => {
    asked += 1;
    const mine = asked;
    const query = new URLSearchParams(new FormData(form));
    query.set('as', 'json');
    let answer;
    try { answer = await (await fetch(`${form.getAttribute('action')}?${query}`)).json(); } catch { return; }
    if (mine === asked) fillPreview(result, answer);
  };
  const soon = () => {
    clearTimeout(timer);
    timer = setTimeout(ask, 200);
  };
  form.addEventListener('input', soon);
  const group = form.closest('.setting-group');
  group?.addEventListener('input', (event) => {
    const key = event.target.form?.elements.namedItem('key')?.value;
    if (!key || event.target.name !== 'value') return;
    const name = key.split('.')[1];
    const field = form.elements.namedItem(previewFields[name] ?? name.replace('password_', ''));
    if (!field) return;
    if (field.type === 'checkbox') field.checked = event.target.value === 'true';
    else field.value = event.target.value;
    if (holder.tagName === 'DETAILS') holder.open = true;
    soon();
  });
}
