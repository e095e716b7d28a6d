'use strict';
// Everything is drawn from the rows of the reports in #data. Values of logs reach the page as text nodes only.
const page = JSON.parse(document.getElementById('data').textContent);
const SVG = 'http://www.w3.org/2000/svg';
const tip = document.getElementById('tip');
const whole = new Intl.NumberFormat('en');
const short = new Intl.NumberFormat('en', { notation: 'compact', maximumFractionDigits: 1 });
const count = (n) => whole.format(n ?? 0);
const bytes = (n) => {
  let value = Number(n ?? 0), unit = 0;
  for (; value >= 1024 && unit < 6; unit++) value /= 1024;
  return (unit ? value.toFixed(value < 10 ? 2 : 1) : value) + ' ' + ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB', 'EiB'][unit];
};
const percent = (part, all) => (all ? (100 * part / all).toFixed(1) : '0.0') + ' %';
const clip = (name, length) => { const text = String(name ?? 'none'); return text.length > length ? text.slice(0, length - 1) + '…' : text; };

function el(name, attributes, ...children) {
  const node = document.createElement(name);
  for (const [key, value] of Object.entries(attributes ?? {})) node.setAttribute(key, value);
  node.append(...children.filter((child) => child !== null));
  return node;
}
function svg(name, attributes, ...children) {
  const node = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes ?? {})) node.setAttribute(key, value);
  node.append(...children.filter((child) => child !== null));
  return node;
}
const text = (value, x, y, attributes) => svg('text', { x, y, ...attributes }, value);

// Tooltips, for the mouse and for the keyboard alike.
function showTip(content, x, y) {
  tip.textContent = content;
  tip.hidden = false;
  const box = tip.getBoundingClientRect();
  tip.style.left = Math.max(8, Math.min(x + 14, innerWidth - box.width - 8)) + 'px';
  tip.style.top = (y + 18 + box.height > innerHeight ? y - box.height - 12 : y + 18) + 'px';
}
const hideTip = () => { tip.hidden = true; };

// A mark of a chart: told to the mouse, the keyboard and screen readers; `keys` are what it can be filtered by.
function mark(label, keys, shapes, click) {
  const group = svg('g', { class: 'mark', tabindex: 0, role: 'button', 'aria-label': label.replaceAll('\n', ', ') }, ...shapes);
  group.keys = keys;
  group.addEventListener('mousemove', (event) => showTip(label, event.clientX, event.clientY));
  group.addEventListener('mouseleave', hideTip);
  group.addEventListener('focus', () => {
    const box = group.getBoundingClientRect();
    showTip(label, box.left + box.width / 2, box.top + box.height / 2);
  });
  group.addEventListener('blur', hideTip);
  const act = () => (click ? click() : setFilter(keys[0]));
  group.addEventListener('click', act);
  group.addEventListener('keydown', (event) => {
    if (event.key === 'Enter' || event.key === ' ') { event.preventDefault(); act(); }
  });
  return group;
}

let filter = null;
function setFilter(key) {
  filter = key === filter ? null : key ?? null;
  const bar = document.getElementById('filter');
  bar.hidden = filter === null;
  bar.replaceChildren();
  if (filter !== null) {
    const clear = el('button', { type: 'button' }, 'Show all');
    clear.addEventListener('click', () => setFilter(null));
    bar.append('Only ' + filter, clear);
  }
  dim();
}
function dim() {
  for (const node of document.querySelectorAll('.mark')) {
    node.classList.toggle('dim', filter !== null && node.keys.length > 0 && !node.keys.includes(filter));
  }
}
addEventListener('keydown', (event) => { if (event.key === 'Escape') { setFilter(null); hideTip(); } });

// Charts have two shapes, for wide and for narrow windows.
const redraws = [];
const NARROW = 560;
let wasNarrow = innerWidth < NARROW;
addEventListener('resize', () => {
  if (wasNarrow === innerWidth < NARROW) return;
  wasNarrow = !wasNarrow;
  redraws.forEach((redraw) => redraw());
});

// A panel with its title, what it means, the chart (or why there is none), and its rows as a table.
function panel(id, width, draw, tools) {
  const data = page.reports[id];
  const section = el('section', { class: 'panel ' + width, id, 'aria-labelledby': id + '-title' });
  const head = el('div', { class: 'head' }, el('h2', { id: id + '-title' }, data.title));
  const chart = el('div', { class: 'chart' });
  section.append(head, el('p', { class: 'meaning' }, data.meaning + ' · times in ' + page.zone), chart);
  // Charts ask how much room they have.
  document.getElementById('main').append(section);
  if (data.missing) {
    chart.append(el('p', { class: 'empty' }, data.missing));
  } else if (data.rows.length === 0) {
    chart.append(el('p', { class: 'empty' }, 'Nothing of this kind in the window.'));
  } else {
    // One chart that fails must not take the others with it; its rows stand below as a table all the same.
    const redraw = (...choice) => {
      try {
        chart.replaceChildren(...[draw(data.rows, chart, ...choice)].flat());
      } catch (error) {
        chart.replaceChildren(el('p', { class: 'empty' }, 'This chart could not be drawn: ' + error.message));
      }
      dim();
    };
    redraws.push(redraw);
    if (tools) head.append(tools(redraw));
    redraw();
    section.append(el('details', {}, el('summary', {}, count(data.rows.length) + ' rows as a table'), table(data)));
  }
}
function table(data) {
  const numeric = data.columns.map((column) => data.rows.some((row) => typeof row[column] === 'number'));
  const kind = (at) => (numeric[at] ? { class: 'n' } : {});
  const cell = (value) => (value === null || value === undefined ? '–' : typeof value === 'number' ? count(value) : String(value));
  const head = el('tr', {}, ...data.columns.map((column, at) => el('th', { scope: 'col', ...kind(at) }, column.replaceAll('_', ' '))));
  const rows = data.rows.map((row) => el('tr', {}, ...data.columns.map((column, at) => el('td', kind(at), cell(row[column])))));
  const plain = ['dstport', 'srcport', 'port'];
  rows.forEach((tr, index) => data.columns.forEach((column, at) => {
    if (plain.includes(column)) tr.children[at].textContent = data.rows[index][column] ?? '–';
  }));
  return el('div', { class: 'scroll', tabindex: 0, role: 'region', 'aria-label': data.title + ' as a table' },
    el('table', {}, el('thead', {}, head), el('tbody', {}, ...rows)));
}
const legend = (...items) => el('ul', { class: 'legend' }, ...items.map(([name, color]) =>
  el('li', {}, el('i', { style: 'background:' + color }), name)));
const ACCEPT = 'var(--accept)', REJECT = 'var(--reject)', OTHER = 'var(--other)';

// Horizontal bars; each row has a label, its parts (value, colour), and a tooltip.
function bars(rows, unit, show) {
  const narrow = innerWidth < NARROW;
  const width = narrow ? 340 : 560, label = narrow ? 116 : 168, high = 25, right = 72;
  const top = Math.max(1, ...rows.map((row) => row.parts.reduce((sum, part) => sum + part.value, 0)));
  const scale = (value) => value / top * (width - label - right);
  const root = svg('svg', { viewBox: `0 0 ${width} ${rows.length * high + 22}`, role: 'group', 'aria-label': unit });
  rows.forEach((row, at) => {
    const y = at * high;
    let x = label;
    const shapes = [svg('rect', { x: 0, y, width, height: high, fill: 'transparent' }),
      text(clip(row.label, narrow ? 15 : 24), label - 8, y + 16, { 'text-anchor': 'end' })];
    for (const part of row.parts) {
      const w = Math.max(part.value > 0 ? 1.5 : 0, scale(part.value));
      shapes.push(svg('rect', { class: 'shape', x, y: y + 4, width: w, height: high - 9, rx: 2, fill: part.color }));
      x += w;
    }
    shapes.push(text(show(row.parts.reduce((sum, part) => sum + part.value, 0)), x + 6, y + 16, { class: 'axis' }));
    root.append(mark(row.tip, row.keys, shapes));
  });
  root.append(svg('line', { class: 'base', x1: label, x2: label, y1: 0, y2: rows.length * high }),
    text(unit, label, rows.length * high + 16, { class: 'axis' }));
  return root;
}
const bar = (label, value, color, keys, tipText) => ({ label, keys, tip: tipText, parts: [{ value: value ?? 0, color }] });

// Lines over time, of flows or of bytes. Dragging zooms, a double click shows all again.
const STEPS = { minute: 60e3, hour: 3600e3 };
function series(rows) {
  const points = rows.map((row) => ({ ...row, at: Date.parse(row.time) }));
  const step = STEPS[page.bucket];
  if (!step) return points;
  const known = new Map(points.map((point) => [point.at, point]));
  const filled = [];
  for (let at = points[0].at; at <= points.at(-1).at; at += step) {
    filled.push(known.get(at) ?? { at, accepted: 0, rejected: 0, accepted_bytes: 0, rejected_bytes: 0 });
  }
  return filled;
}
const clock = (() => {
  const options = { timeZone: page.zone, year: 'numeric', month: '2-digit', day: '2-digit', hour: '2-digit', minute: '2-digit', hourCycle: 'h23' };
  let format;
  try { format = new Intl.DateTimeFormat('sv', options); } catch { format = new Intl.DateTimeFormat('sv', { ...options, timeZone: 'UTC' }); }
  return (at) => format.format(at);
})();
let range = null;
function timeline(rows, chart, measure = 'flows') {
  const isBytes = measure === 'bytes';
  const [a, r] = isBytes ? ['accepted_bytes', 'rejected_bytes'] : ['accepted', 'rejected'];
  const show = isBytes ? bytes : count, axis = isBytes ? bytes : (n) => short.format(n);
  let points = series(rows);
  if (range) points = points.filter((point) => point.at >= range[0] && point.at <= range[1]);
  if (points.length < 1) { range = null; points = series(rows); }
  const narrow = innerWidth < NARROW;
  const W = narrow ? 360 : 1340, H = narrow ? 250 : 290, left = narrow ? 44 : 64, bottom = 44, top = 10, right = 14;
  const from = points[0].at, to = points.at(-1).at;
  const x = (at) => left + (to > from ? (at - from) / (to - from) : .5) * (W - left - right);
  const most = Math.max(1, ...points.flatMap((point) => [point[a], point[r]]));
  const step = nice(most / 4, isBytes);
  const ceiling = Math.ceil(most / step) * step;
  const y = (value) => H - bottom - value / ceiling * (H - bottom - top);
  const root = svg('svg', { viewBox: `0 0 ${W} ${H}`, role: 'img', tabindex: 0,
    'aria-label': `${measure} by ${page.bucket}, accepted and rejected, ${clock(from)} to ${clock(to)} ${page.zone}; arrow keys walk along, plus zooms in, minus shows all` });
  for (let value = 0; value <= ceiling + step / 2; value += step) {
    root.append(svg('line', { class: 'rule', x1: left, x2: W - right, y1: y(value), y2: y(value) }),
      text(axis(value), left - 8, y(value) + 4, { class: 'axis', 'text-anchor': 'end' }));
  }
  const ticks = Math.min(points.length, narrow ? 3 : 7);
  for (let tick = 0; tick < ticks; tick++) {
    const point = points[Math.round(tick * (points.length - 1) / Math.max(1, ticks - 1))];
    const [day, hour] = clock(point.at).split(' ');
    const anchor = tick === ticks - 1 && ticks > 1 ? 'end' : tick ? 'middle' : 'start';
    root.append(text(page.bucket === 'day' ? day : hour, x(point.at), H - bottom + 18, { class: 'axis', 'text-anchor': anchor }));
    if (page.bucket !== 'day') root.append(text(day, x(point.at), H - bottom + 33, { class: 'axis', 'text-anchor': anchor }));
  }
  for (const [key, color] of [[a, ACCEPT], [r, REJECT]]) {
    const path = points.map((point, at) => (at ? 'L' : 'M') + x(point.at).toFixed(1) + ',' + y(point[key]).toFixed(1)).join('');
    root.append(svg('path', { d: path, fill: 'none', stroke: color, 'stroke-width': 2, 'stroke-linejoin': 'round' }));
    if (points.length === 1) root.append(svg('circle', { cx: x(from), cy: y(points[0][key]), r: 4, fill: color }));
  }
  const cross = svg('line', { class: 'base', y1: top, y2: H - bottom, visibility: 'hidden' });
  const brush = svg('rect', { y: top, height: H - bottom - top, fill: 'var(--shade)', visibility: 'hidden' });
  root.append(brush, cross);
  const near = (event) => {
    const box = root.getBoundingClientRect();
    const at = from + ((event.clientX - box.left) / box.width * W - left) / (W - left - right) * (to - from);
    return points.reduce((best, point, index) => (Math.abs(point.at - at) < Math.abs(points[best].at - at) ? index : best), 0);
  };
  const point = (index, px, py) => {
    const p = points[index];
    cross.setAttribute('x1', x(p.at)); cross.setAttribute('x2', x(p.at)); cross.setAttribute('visibility', 'visible');
    showTip(`${clock(p.at)} ${page.zone}\naccepted: ${show(p[a])}\nrejected: ${show(p[r])}`, px, py);
  };
  let pressed = null, walked = 0;
  const again = () => chart.replaceChildren(...[timeline(rows, chart, measure)].flat());
  root.addEventListener('mousemove', (event) => {
    const index = near(event);
    point(index, event.clientX, event.clientY);
    if (pressed !== null) {
      const [low, high] = [Math.min(pressed, index), Math.max(pressed, index)].map((at) => x(points[at].at));
      brush.setAttribute('x', low); brush.setAttribute('width', high - low); brush.setAttribute('visibility', 'visible');
    }
  });
  root.addEventListener('mouseleave', () => { hideTip(); cross.setAttribute('visibility', 'hidden'); });
  root.addEventListener('mousedown', (event) => { pressed = near(event); event.preventDefault(); });
  root.addEventListener('mouseup', (event) => {
    const [low, high] = [pressed ?? 0, near(event)].sort((one, other) => one - other);
    if (pressed !== null && high > low) { range = [points[low].at, points[high].at]; hideTip(); again(); }
    pressed = null;
  });
  root.addEventListener('dblclick', () => { range = null; again(); });
  root.addEventListener('keydown', (event) => {
    const zoom = { '+': true, '=': true, '-': false, 0: false }[event.key];
    if (zoom !== undefined && !event.ctrlKey && !event.metaKey) {
      const quarter = Math.max(1, Math.floor(points.length / 4)), last = points.length - 1;
      range = zoom ? [points[Math.max(0, walked - quarter)].at, points[Math.min(last, walked + quarter)].at] : null;
      hideTip();
      again();
      chart.querySelector('svg[tabindex]')?.focus();
      return;
    }
    const move = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!move) return;
    event.preventDefault();
    walked = Math.max(0, Math.min(points.length - 1, walked + move));
    const box = root.getBoundingClientRect();
    point(walked, box.left + x(points[walked].at) / W * box.width, box.top + box.height / 2);
  });
  root.addEventListener('blur', () => { hideTip(); cross.setAttribute('visibility', 'hidden'); });
  return [legend(['accepted ' + measure, ACCEPT], ['rejected ' + measure, REJECT]), root,
    el('p', { class: 'meaning' }, `${measure} by ${page.bucket}, ${page.zone} · drag to zoom, double click to show all (keys: arrows, + and −)`)];
}
// A round step: 1, 2 or 5 times a power of ten, or of two for bytes.
function nice(rough, isBytes) {
  if (isBytes) return 2 ** Math.max(0, Math.ceil(Math.log2(Math.max(1, rough))));
  const power = 10 ** Math.floor(Math.log10(Math.max(1, rough)));
  return [1, 2, 5, 10].find((factor) => factor * power >= rough) * power;
}
function measureTools(redraw) {
  const buttons = ['flows', 'bytes'].map((name) => {
    const button = el('button', { type: 'button', 'aria-pressed': name === 'flows' }, name);
    button.addEventListener('click', () => {
      buttons.forEach((other) => other.setAttribute('aria-pressed', other === button));
      redraw(name);
    });
    return button;
  });
  return el('div', { class: 'tools' }, ...buttons);
}

// The report gives the largest ports; what is left of the totals stands as one more row of each verdict.
function withOthers(rows) {
  const total = page.reports.totals?.rows?.[0];
  if (!total) return rows;
  const others = [['ACCEPT', total.accepted], ['REJECT', total.rejected]].map(([action, flows]) => {
    const listed = rows.filter((row) => row.action === action);
    return { action, port: 'other', protocol: null, service: 'other ports', bytes: null,
      flows: flows - listed.reduce((sum, row) => sum + row.flows, 0) };
  });
  return [...rows, ...others.filter((row) => row.flows > 0)];
}

// Two rings: verdicts inside, service ports of each outside. A click shows one verdict alone.
function sunburst(rows, chart, only = null) {
  const shown = only ? withOthers(rows).filter((row) => row.action === only) : withOthers(rows);
  const S = 380, middle = S / 2, all = shown.reduce((sum, row) => sum + row.flows, 0);
  const root = svg('svg', { viewBox: `0 0 ${S} ${S}`, role: 'group', 'aria-label': 'flows by verdict and service port', style: 'max-width:420px;margin:0 auto' });
  const arc = (start, end, inner, outer) => {
    const turn = Math.min(end - start, .99999) ;
    const at = (share, radius) => [middle + radius * Math.sin(2 * Math.PI * share), middle - radius * Math.cos(2 * Math.PI * share)].map((n) => n.toFixed(2)).join(' ');
    const large = turn > .5 ? 1 : 0, stop = start + turn;
    return `M${at(start, outer)}A${outer} ${outer} 0 ${large} 1 ${at(stop, outer)}L${at(stop, inner)}A${inner} ${inner} 0 ${large} 0 ${at(start, inner)}Z`;
  };
  let start = 0;
  for (const [action, color] of [['ACCEPT', 'var(--accept-area)'], ['REJECT', 'var(--reject-area)']]) {
    const of = shown.filter((row) => row.action === action);
    const flows = of.reduce((sum, row) => sum + row.flows, 0);
    if (!flows) continue;
    const name = action === 'ACCEPT' ? 'accepted' : 'rejected';
    const end = start + flows / all;
    const label = `${name}: ${count(flows)} flows (${percent(flows, all)})`;
    const shapes = [svg('path', { class: 'shape', d: arc(start, end, 56, 112), fill: color, stroke: 'var(--panel)', 'stroke-width': 1.5 })];
    if (end - start > .07) shapes.push(labelAt((start + end) / 2, 84, name));
    root.append(mark(label, [], shapes, () => { hideTip(); chart.replaceChildren(...[sunburst(rows, chart, only ? null : action)].flat()); }));
    let from = start;
    of.sort((one, other) => other.flows - one.flows).forEach((row, at) => {
      const to = from + row.flows / all;
      const port = row.port === 'other' ? '' : row.port === 0 ? row.protocol : `${row.port}/${row.protocol}`;
      const shade = svg('path', { class: 'shape', d: arc(from, to, 115, 184), fill: color, 'fill-opacity': Math.max(.3, .85 - at * .07), stroke: 'var(--panel)', 'stroke-width': 1 });
      const parts = [shade];
      if (to - from > .035) parts.push(labelAt((from + to) / 2, 149, clip(row.service ?? port, 11)));
      root.append(mark(`${port}${row.service ? ' ' + row.service : ''}\n${name}: ${count(row.flows)} flows (${percent(row.flows, all)})${row.bytes === null ? '' : '\n' + bytes(row.bytes)}`, ['port ' + row.port], parts));
      from = to;
    });
    start = end;
  }
  function labelAt(share, radius, value) {
    return text(value, middle + radius * Math.sin(2 * Math.PI * share), middle - radius * Math.cos(2 * Math.PI * share) + 4, { class: 'on-fill', 'text-anchor': 'middle' });
  }
  root.append(text(short.format(all), middle, middle - 2, { 'text-anchor': 'middle', style: 'font-size:26px;font-weight:650' }),
    text(only ? 'flows; click: all' : 'flows', middle, middle + 18, { class: 'axis', 'text-anchor': 'middle' }));
  return [legend(['accepted', ACCEPT], ['rejected', REJECT]), root,
    el('p', { class: 'meaning' }, `the ${count(rows.length)} largest of verdict and service port, and all others; click a verdict to see it alone`)];
}

// Who sends to whom: ribbons as thick as their bytes.
function ribbons(rows, chart) {
  rows = rows.filter((row) => row.bytes > 0).slice(0, 14);
  if (rows.length === 0) return el('p', { class: 'empty' }, 'No pair has any bytes.');
  const narrow = innerWidth < NARROW;
  const W = narrow ? 360 : 1340, gap = 8, label = narrow ? 92 : 240, bar = 12;
  const all = rows.reduce((sum, row) => sum + row.bytes, 0) || 1;
  const side = (key) => {
    const nodes = new Map();
    rows.forEach((row) => nodes.set(row[key], (nodes.get(row[key]) ?? 0) + row.bytes));
    return [...nodes].sort((one, other) => other[1] - one[1]);
  };
  const sides = [side('srcaddr'), side('dstaddr')];
  const H = Math.max(220, Math.max(...sides.map((nodes) => nodes.length)) * 30);
  const root = svg('svg', { viewBox: `0 0 ${W} ${H + 20}`, role: 'group', 'aria-label': 'bytes between addresses' });
  const places = sides.map((nodes) => {
    const room = H - gap * (nodes.length - 1), place = new Map();
    const least = 12, scale = (room - least * nodes.length) / all;
    let y = 0;
    for (const [name, value] of nodes) {
      const high = least + value * scale;
      place.set(name, { y, high, scale: high / value, used: 0 });
      y += high + gap;
    }
    return place;
  });
  const [x1, x2] = [label + bar, W - label - bar];
  rows.forEach((row) => {
    const [s, d] = [places[0].get(row.srcaddr), places[1].get(row.dstaddr)];
    const [h1, h2] = [row.bytes * s.scale, row.bytes * d.scale], [y1, y2] = [s.y + s.used, d.y + d.used], m = (x1 + x2) / 2;
    s.used += h1; d.used += h2;
    const path = `M${x1} ${y1}C${m} ${y1} ${m} ${y2} ${x2} ${y2}L${x2} ${y2 + h2}C${m} ${y2 + h2} ${m} ${y1 + h1} ${x1} ${y1 + h1}Z`;
    root.append(mark(`${row.srcaddr} → ${row.dstaddr}\n${bytes(row.bytes)} in ${count(row.flows)} flows`, [row.srcaddr, row.dstaddr],
      [svg('path', { class: 'shape', d: path, fill: ACCEPT, 'fill-opacity': .38 })]));
  });
  places.forEach((place, at) => {
    for (const [name, node] of place) {
      const x = at ? x2 : x1 - bar;
      const value = sides[at].find(([other]) => other === name)[1];
      root.append(mark(`${name}\n${at ? 'received' : 'sent'} ${bytes(value)} in these pairs`, [name], [
        svg('rect', { class: 'shape', x, y: node.y, width: bar, height: node.high, rx: 2, fill: ACCEPT }),
        text(clip(name, narrow ? 13 : 34), at ? x2 + bar + 6 : x1 - bar - 6, node.y + node.high / 2 + 4, { 'text-anchor': at ? 'start' : 'end' })]));
    }
  });
  root.append(text('sources', x1 - bar, H + 16, { class: 'axis' }), text('destinations', x2 + bar, H + 16, { class: 'axis', 'text-anchor': 'end' }));
  return [root, el('p', { class: 'meaning' }, `the ${rows.length} pairs with most bytes; ribbons are as thick as their bytes, with a least height`)];
}

function cards() {
  const data = page.reports.totals;
  if (data.missing || data.rows.length === 0) {
    document.getElementById('main').append(el('p', { class: 'empty w12' }, data.missing ?? 'No records in the window.'));
    return;
  }
  const total = data.rows[0], judged = total.accepted + total.rejected;
  const cards = [
    ['Records', count(total.records), 'rows of flow_logs', ''],
    ['Accepted flows', count(total.accepted), percent(total.accepted, judged), 'accept'],
    ['Rejected flows', count(total.rejected), percent(total.rejected, judged), 'reject'],
    ['Bytes', bytes(total.bytes), count(total.bytes) + ' B', ''],
    ['Packets', count(total.packets), '', ''],
    ['Sources', count(total.sources), 'distinct addresses', ''],
    ['Destinations', count(total.destinations), 'distinct addresses', ''],
    ['Interfaces', total.interfaces ? count(total.interfaces) : '–', 'that recorded', ''],
  ];
  document.getElementById('main').append(el('dl', { class: 'cards w12', id: 'totals' }, ...cards.map(([name, value, note, color]) =>
    el('div', { class: 'card' }, el('dt', {}, name), el('dd', { class: color }, value, el('small', {}, note))))));
}

const STATUS = { OK: ACCEPT, NODATA: OTHER, SKIPDATA: REJECT };
cards();
panel('accept-reject-by-minute', 'w12', timeline, measureTools);
panel('traffic-by-service', 'w6', sunburst);
panel('rejected-by-port', 'w6', (rows) => bars(rows.map((row) => bar(
  `${row.dstport}${row.service ? ' ' + row.service : ''}`, row.flows, REJECT, ['port ' + row.dstport],
  `port ${row.dstport}${row.service ? ' ' + row.service : ''}, protocol ${row.protocol}\n${count(row.flows)} rejected flows from ${count(row.sources)} sources\n${bytes(row.bytes)}`)), 'rejected flows', count));
panel('top-talkers', 'w6', (rows) => bars(rows.map((row) => bar(row.srcaddr, row.bytes, ACCEPT, [row.srcaddr],
  `${row.srcaddr}\n${bytes(row.bytes)} in ${count(row.flows)} flows to ${count(row.destinations)} destinations`)), 'bytes sent', bytes));
panel('rejected-by-source', 'w6', (rows) => bars(rows.map((row) => bar(row.srcaddr ?? 'none', row.flows, REJECT, [row.srcaddr],
  `${row.srcaddr}\n${count(row.flows)} rejected flows, ${count(row.ports)} ports of ${count(row.destinations)} hosts`)), 'rejected flows', count));
panel('bytes-by-pair', 'w12', ribbons);
panel('protocols', 'w6', (rows) => [legend(['accepted', ACCEPT], ['rejected', REJECT]), bars(rows.map((row) => ({
  label: row.protocol, keys: [], tip: `${row.protocol}\naccepted: ${count(row.accepted)} flows\nrejected: ${count(row.rejected)} flows\n${bytes(row.bytes)}`,
  parts: [{ value: row.accepted, color: ACCEPT }, { value: row.rejected, color: REJECT }] })), 'flows', count)]);
panel('log-health', 'w6', (rows) => [legend(...rows.map((row) => [`${row.log_status} ${row.percent} %`, STATUS[row.log_status] ?? OTHER])),
  bars(rows.map((row) => bar(row.log_status, row.records, STATUS[row.log_status] ?? OTHER, [],
    `${row.log_status}: ${count(row.records)} records (${row.percent} %)\nof ${count(row.interfaces)} interfaces`)), 'records', count)]);

document.getElementById('theme').addEventListener('click', () => {
  const root = document.documentElement;
  const dark = root.dataset.theme ? root.dataset.theme === 'dark' : matchMedia('(prefers-color-scheme: dark)').matches;
  root.dataset.theme = dark ? 'light' : 'dark';
});
