// Numbers, times and texts as the console shows them.

import { h } from './dom.js';

const NUMBER = new Intl.NumberFormat('en');
const COMPACT = new Intl.NumberFormat('en', { notation: 'compact', maximumFractionDigits: 1 });
const EXACT = new Intl.DateTimeFormat('en-GB', { dateStyle: 'medium', timeStyle: 'medium' });
const CLOCK = new Intl.DateTimeFormat('en-GB', { timeStyle: 'medium' });
const MINUTE = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit' });
const DAY = new Intl.DateTimeFormat('en-GB', { weekday: 'short', hour: '2-digit', minute: '2-digit' });

/** Characters of a text that are shown at first. */
const SHOWN = 2000;

export const count = (number) => (number === null || number === undefined ? '–' : NUMBER.format(number));
export const compact = (number) => (number < 10_000 ? NUMBER.format(number) : COMPACT.format(number));
export const plural = (number, one, many = `${one}s`) => `${count(number)} ${number === 1 ? one : many}`;
export const clock = (time) => CLOCK.format(new Date(time));
export const exact = (time) => EXACT.format(new Date(time));
export const tick = (time, period) => (period === '7d' ? DAY : MINUTE).format(new Date(time));

/** Returns seconds in the largest unit, and few of them in two. */
export function duration(seconds) {
  if (seconds === null || seconds === undefined || Number.isNaN(seconds)) return '–';
  if (seconds < 10) return `${Number(seconds.toFixed(seconds < 1 ? 2 : 1))} s`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  const [size, unit, less, lesser] = [[86_400, 'd', 3600, 'h'], [3600, 'h', 60, 'min'], [60, 'min', 1, 's']].find(([size]) => whole >= size);
  const [first, rest] = [Math.floor(whole / size), Math.floor((whole % size) / less)];
  return first < 10 && rest > 0 ? `${first} ${unit} ${rest} ${lesser}` : `${first} ${unit}`;
}

export const milliseconds = (value) => (value === null ? '–' : value < 1000 ? `${Math.round(value)} ms` : duration(value / 1000));

export function bytes(number) {
  if (number < 1024) return plural(number, 'byte');
  return number < 1_048_576 ? `${(number / 1024).toFixed(1)} KiB` : `${(number / 1_048_576).toFixed(1)} MiB`;
}

/** Returns how long ago a time was, in one unit. */
export function ago(time, now = Date.now()) {
  const seconds = (now - new Date(time)) / 1000;
  const [value, unit] = [[86_400, 'd'], [3600, 'h'], [60, 'min']]
    .filter(([size]) => Math.abs(seconds) >= size)
    .map(([size, unit]) => [Math.floor(Math.abs(seconds) / size), unit])[0] ?? [Math.max(0, Math.floor(Math.abs(seconds))), 's'];
  return seconds < 0 ? `in ${value} ${unit}` : `${value} ${unit} ago`;
}

/** Returns a time as an element, relative with the exact one behind it. */
export const when = (time) => (time ? h('time', { datetime: time, title: exact(time) }, ago(time)) : '–');

/** Returns a text of a record, which has no influence on what surrounds it. */
export const text = (value, className) => h('bdi', { class: className }, visible(String(value ?? '')));

/** Shows characters that have no looks of their own. */
export const visible = (value) =>
  value.replace(/[\u0000-\u0008\u000b-\u001f]/g, (c) => String.fromCharCode(0x2400 + c.charCodeAt(0)))
    .replace(/[\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]/g, (c) => `[U+${c.charCodeAt(0).toString(16).toUpperCase().padStart(4, '0')}]`);

/** Returns a text that may be long: clipped, with the rest behind a button. `open` is the set of those shown in full. */
export function long(value, key, open, redraw, shown = SHOWN) {
  const whole = String(value ?? '');
  if (whole.length <= shown) return text(whole);
  if (open.has(key)) return [text(whole.slice(0, 65_536)), whole.length > 65_536 && ` … of ${bytes(whole.length)}`];
  const more = () => { open.add(key); redraw(); };
  return [text(whole.slice(0, shown)), '… ', h('button', { class: 'link', onclick: more }, `Show all ${count(whole.length)} characters`)];
}

/** Returns the beginning and the end of an id; the whole one is its title. */
export const shortId = (id) => (id.length > 16 ? `${id.slice(0, 8)}…${id.slice(-4)}` : id);

const WORDS = { id: 'ID', url: 'URL' };
/** Returns a name of the API as words: `tries_exhausted` is "tries exhausted". */
export const words = (name) => String(name ?? '–').split('_').map((word) => WORDS[word] ?? word).join(' ');
