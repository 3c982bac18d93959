import { BuiltinError } from './builtin.ts';
import { type Moment, nanosecondsOf, utc, type Zone } from './time-zones.ts';

/**
 * Times written and read by Go's layouts, which show how `Mon Jan 2 15:04:05 MST 2006` is to look. After
 * `time/format.go` of Go 1.26.
 */

/** The pieces of a layout that mean something, the longer ones first; everything else stands for itself. */
const chunks =
  /January|Jan(?![a-z])|Monday|Mon(?![a-z])|MST|2006|__2|_2(?!006)|002|0[1-6]|15|[1-5]|PM|pm|[Z-]07(?:0000|:00:00|00|:00|)|[.,](?:0+|9+)(?!\d)/g;

const months = [
  'January',
  'February',
  'March',
  'April',
  'May',
  'June',
  'July',
  'August',
  'September',
  'October',
  'November',
  'December',
];
const weekdays = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday'];

export function formatTime(layout: string, moment: Moment): string {
  return layout.replace(chunks, (chunk) => formatChunk(chunk, moment));
}

function formatChunk(chunk: string, { civil, nanosecond, nanoseconds, offset, zone }: Moment): string {
  const two = (number: number): string => String(number).padStart(2, '0');
  const hour = civil.getUTCHours();
  const dayOfYear = Math.floor((civil.getTime() - Date.UTC(civil.getUTCFullYear(), 0, 1)) / 86_400_000) + 1;
  switch (chunk) {
    case 'January':
      return months[civil.getUTCMonth()] ?? '';
    case 'Jan':
      return (months[civil.getUTCMonth()] ?? '').slice(0, 3);
    case 'Monday':
      return weekdays[civil.getUTCDay()] ?? '';
    case 'Mon':
      return (weekdays[civil.getUTCDay()] ?? '').slice(0, 3);
    case 'MST':
      return zone.abbreviationAt(Number(nanoseconds / 1_000_000_000n));
    case '2006':
      return String(civil.getUTCFullYear()).padStart(4, '0');
    case '06':
      return two(civil.getUTCFullYear() % 100);
    case '01':
      return two(civil.getUTCMonth() + 1);
    case '1':
      return String(civil.getUTCMonth() + 1);
    case '02':
      return two(civil.getUTCDate());
    case '_2':
      return String(civil.getUTCDate()).padStart(2);
    case '2':
      return String(civil.getUTCDate());
    case '002':
      return String(dayOfYear).padStart(3, '0');
    case '__2':
      return String(dayOfYear).padStart(3);
    case '15':
      return two(hour);
    case '03':
      return two(hour % 12 === 0 ? 12 : hour % 12);
    case '3':
      return String(hour % 12 === 0 ? 12 : hour % 12);
    case '04':
      return two(civil.getUTCMinutes());
    case '4':
      return String(civil.getUTCMinutes());
    case '05':
      return two(civil.getUTCSeconds());
    case '5':
      return String(civil.getUTCSeconds());
    case 'PM':
      return hour >= 12 ? 'PM' : 'AM';
    case 'pm':
      return hour >= 12 ? 'pm' : 'am';
  }
  if (/^[.,]/.test(chunk)) {
    const digits = String(nanosecond)
      .padStart(9, '0')
      .slice(0, chunk.length - 1)
      .padEnd(chunk.length - 1, '0');
    const kept = chunk[1] === '9' ? digits.replace(/0+$/, '') : digits;
    return kept === '' ? '' : `${chunk[0]}${kept}`;
  }
  if (chunk.startsWith('Z') && offset === 0) {
    return 'Z';
  }
  const size = Math.abs(offset);
  const colon = chunk.includes(':') ? ':' : '';
  const parts = [Math.trunc(size / 3600), Math.trunc(size / 60) % 60, size % 60].slice(0, partsOf(chunk));
  return `${offset < 0 ? '-' : '+'}${parts.map(two).join(colon)}`;
}

/** Hours, minutes, seconds: how many of them an offset shows. */
function partsOf(chunk: string): number {
  return chunk.slice(1).replaceAll(':', '').length / 2;
}

/**
 * Nanoseconds since 1970. A zone that is only named counts as UTC, unless it is `GMT+3`.
 *
 * @throws BuiltinError when the text does not follow the layout.
 */
export function parseTime(layout: string, text: string): bigint {
  const reader = new LayoutReader(text);
  let at = 0;
  for (const match of layout.matchAll(chunks)) {
    reader.skip(layout.slice(at, match.index));
    at = match.index + match[0].length;
    reader.read(match[0], layout.slice(at));
  }
  reader.skip(layout.slice(at));
  return reader.finish();
}

class LayoutReader {
  #rest: string;
  #year = 0;
  #month: number | null = null;
  #day: number | null = null;
  #dayOfYear: number | null = null;
  #hour = 0;
  #minute = 0;
  #second = 0;
  #nanosecond = 0;
  #half: 'AM' | 'PM' | null = null;
  #offset = 0;

  constructor(text: string) {
    this.#rest = text;
  }

  /** Text that stands for itself; a run of spaces stands for any number of them. */
  skip(literal: string): void {
    for (let left = literal; left !== ''; ) {
      if (left.startsWith(' ')) {
        if (this.#rest !== '' && !this.#rest.startsWith(' ')) {
          this.#fail();
        }
        left = left.replace(/^ +/, '');
        this.#rest = this.#rest.replace(/^ +/, '');
      } else {
        this.#take(left[0] === this.#rest[0] ? /^[\s\S]/ : /^(?!)/);
        left = left.slice(1);
      }
    }
  }

  read(chunk: string, following: string): void {
    switch (chunk) {
      case '2006':
        this.#year = this.#number(/^\d{4}/);
        return;
      case '06':
        this.#year = this.#number(/^\d{2}/);
        this.#year += this.#year >= 69 ? 1900 : 2000;
        return;
      case 'January':
        this.#month = this.#name(months);
        return;
      case 'Jan':
        this.#month = this.#name(months.map((name) => name.slice(0, 3)));
        return;
      case 'Monday':
        this.#name(weekdays);
        return;
      case 'Mon':
        this.#name(weekdays.map((name) => name.slice(0, 3)));
        return;
      case '01':
        this.#month = this.#bounded(/^\d{2}/, 1, 12);
        return;
      case '1':
        this.#month = this.#bounded(/^\d{1,2}/, 1, 12);
        return;
      case '02':
        this.#day = this.#number(/^\d{2}/);
        return;
      case '_2':
      case '2':
        this.#day = this.#number(chunk === '_2' ? /^ ?\d{1,2}/ : /^\d{1,2}/);
        return;
      case '002':
      case '__2':
        this.#dayOfYear = this.#number(chunk === '002' ? /^\d{3}/ : /^ {0,2}\d{1,3}/);
        return;
      case '15':
        this.#hour = this.#bounded(/^\d{1,2}/, 0, 23);
        return;
      case '03':
      case '3':
        this.#hour = this.#bounded(chunk === '03' ? /^\d{2}/ : /^\d{1,2}/, 0, 12);
        return;
      case '04':
      case '4':
        this.#minute = this.#bounded(chunk === '04' ? /^\d{2}/ : /^\d{1,2}/, 0, 59);
        return;
      case '05':
      case '5':
        this.#second = this.#bounded(chunk === '05' ? /^\d{2}/ : /^\d{1,2}/, 0, 59);
        // A fraction that the layout does not show is read all the same.
        if (/^[.,]\d/.test(this.#rest) && !startsWithFraction(following)) {
          this.#fraction(/^[.,]\d+/);
        }
        return;
      case 'PM':
      case 'pm':
        this.#half = this.#take(chunk === 'PM' ? /^[AP]M/ : /^[ap]m/).toUpperCase() as 'AM' | 'PM';
        return;
      case 'MST':
        this.#zoneName();
        return;
    }
    if (/^[.,]0/.test(chunk)) {
      this.#fraction(new RegExp(`^[.,]\\d{${chunk.length - 1}}`));
    } else if (/^[.,]9/.test(chunk)) {
      if (/^[.,]\d/.test(this.#rest)) {
        this.#fraction(/^[.,]\d{1,9}/);
      }
    } else {
      this.#zoneOffset(chunk);
    }
  }

  finish(): bigint {
    if (this.#rest !== '') {
      this.#fail();
    }
    const hour =
      this.#half === 'PM' && this.#hour < 12
        ? this.#hour + 12
        : this.#half === 'AM' && this.#hour === 12
          ? 0
          : this.#hour;
    const civil = new Date(0);
    if (this.#dayOfYear === null) {
      const [month, day] = [(this.#month ?? 1) - 1, this.#day ?? 1];
      civil.setUTCFullYear(this.#year, month, day);
      if (civil.getUTCMonth() !== month || civil.getUTCDate() !== day) {
        this.#fail();
      }
    } else {
      civil.setUTCFullYear(this.#year, 0, this.#dayOfYear);
      const disagrees =
        (this.#month !== null && this.#month !== civil.getUTCMonth() + 1) ||
        (this.#day !== null && this.#day !== civil.getUTCDate());
      if (this.#dayOfYear < 1 || civil.getUTCFullYear() !== this.#year || disagrees) {
        this.#fail();
      }
    }
    civil.setUTCHours(hour, this.#minute, this.#second);
    const zone: Zone = { ...utc, offsetAt: () => this.#offset };
    return nanosecondsOf(civil, this.#nanosecond, zone);
  }

  #fraction(pattern: RegExp): void {
    this.#nanosecond = Number(this.#take(pattern).slice(1, 10).padEnd(9, '0'));
  }

  #zoneName(): void {
    if (/^UTC/.test(this.#rest)) {
      this.#take(/^UTC/);
      this.#offset = 0;
      return;
    }
    // `parseTimeZone`: three letters or more of which the last tells, or GMT with hours, or +03.
    const name = this.#take(
      /^(?:GMT(?:[+-]\d{1,2})?|ChST|MeST|WITA|[+-]\d{2,3}|[A-Z]{4}T|[A-Z]{3}T|[A-Z]{3}(?![A-Z]))/,
    );
    const hours = /^GMT([+-]\d+)$/.exec(name)?.[1];
    this.#offset = hours === undefined ? 0 : Number(hours) * 3600;
  }

  #zoneOffset(chunk: string): void {
    if (chunk.startsWith('Z') && this.#rest.startsWith('Z')) {
      this.#take(/^Z/);
      this.#offset = 0;
      return;
    }
    const colon = chunk.includes(':') ? ':' : '';
    const text = this.#take(new RegExp(`^[+-]${Array(partsOf(chunk)).fill('\\d{2}').join(colon)}`));
    const [hours = 0, minutes = 0, seconds = 0] = (text.match(/\d{2}/g) ?? []).map(Number);
    if (hours > 24 || minutes >= 60 || seconds >= 60) {
      this.#fail();
    }
    this.#offset = (text.startsWith('-') ? -1 : 1) * (hours * 3600 + minutes * 60 + seconds);
  }

  #bounded(pattern: RegExp, least: number, most: number): number {
    const number = this.#number(pattern);
    return number >= least && number <= most ? number : this.#fail();
  }

  #number(pattern: RegExp): number {
    return Number(this.#take(pattern));
  }

  /** 1 for the first name, in any case of letters. */
  #name(names: readonly string[]): number {
    const index = names.findIndex((name) => this.#rest.slice(0, name.length).toLowerCase() === name.toLowerCase());
    this.#rest = this.#rest.slice(names[index]?.length ?? this.#fail());
    return index + 1;
  }

  #take(pattern: RegExp): string {
    const found = pattern.exec(this.#rest)?.[0] ?? this.#fail();
    this.#rest = this.#rest.slice(found.length);
    return found;
  }

  #fail(): never {
    throw new BuiltinError('the time does not follow its layout');
  }
}

function startsWithFraction(layout: string): boolean {
  return /^[.,](?:0+|9+)(?!\d)/.test(layout);
}
