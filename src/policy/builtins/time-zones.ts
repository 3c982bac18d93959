import { BuiltinError } from './builtin.ts';

/** A time zone: how far its clocks are from UTC, and what they are called, at a time. */
export interface Zone {
  /** Seconds east of UTC, at a number of seconds since 1970. */
  offsetAt(seconds: number): number;
  /** `CET`, or `+03` where nobody has a name for it. */
  abbreviationAt(seconds: number): string;
}

/** A time as the clocks of a zone show it. */
export interface Moment {
  /** Since 1970, in UTC. */
  readonly nanoseconds: bigint;
  /** The date and clock of the zone, in the fields of UTC. Milliseconds are zero. */
  readonly civil: Date;
  /** Within the second. */
  readonly nanosecond: number;
  readonly zone: Zone;
  /** Seconds east of UTC. */
  readonly offset: number;
}

const billion = 1_000_000_000n;

export const utc: Zone = { offsetAt: () => 0, abbreviationAt: () => 'UTC' };

export function momentAt(nanoseconds: bigint, zone: Zone): Moment {
  const nanosecond = Number(((nanoseconds % billion) + billion) % billion);
  const seconds = Number((nanoseconds - BigInt(nanosecond)) / billion);
  const offset = zone.offsetAt(seconds);
  return { nanoseconds, civil: new Date((seconds + offset) * 1000), nanosecond, zone, offset };
}

/** The time at which the clocks of a zone show a date; where they show it twice or never, as Go decides. */
export function nanosecondsOf(civil: Date, nanosecond: number, zone: Zone): bigint {
  const local = Math.floor(civil.getTime() / 1000);
  const guess = zone.offsetAt(local);
  const offset = zone.offsetAt(local - guess);
  return BigInt(local - offset) * billion + BigInt(nanosecond);
}

const known = new Map<string, Zone>();

/** A zone of the IANA database. @throws BuiltinError when there is none of this name. */
export function zoneNamed(name: string): Zone {
  if (name === '' || name === 'UTC') {
    return utc;
  }
  let zone = known.get(name);
  if (zone === undefined) {
    zone = ianaZone(name);
    known.set(name, zone);
  }
  return zone;
}

function ianaZone(name: string): Zone {
  const formatter = (locale: string, timeZoneName: 'longOffset' | 'short'): Intl.DateTimeFormat => {
    try {
      return new Intl.DateTimeFormat(locale, { timeZone: name, timeZoneName });
    } catch (cause) {
      throw new BuiltinError(`unknown time zone ${name}`, { cause });
    }
  };
  // Zones by offset (`+01:00`) are known to Intl, and not to the database.
  if (/^[+-]/.test(name)) {
    throw new BuiltinError(`unknown time zone ${name}`);
  }
  const offsets = formatter('en-US', 'longOffset');
  // Each dialect has the abbreviations that its speakers use.
  const names = ['en-US', 'en-GB', 'en-AU', 'en-IN', 'en-ZA'].map((locale) => formatter(locale, 'short'));
  const partOf = (format: Intl.DateTimeFormat, seconds: number): string =>
    format.formatToParts(seconds * 1000).find(({ type }) => type === 'timeZoneName')?.value ?? '';
  const offsetAt = (seconds: number): number => {
    const [, sign, hours = '0', minutes = '0', rest = '0'] =
      /([+-])(\d+):(\d+)(?::(\d+))?/.exec(partOf(offsets, seconds)) ?? [];
    return (sign === '-' ? -1 : 1) * (Number(hours) * 3600 + Number(minutes) * 60 + Number(rest));
  };
  return {
    offsetAt,
    abbreviationAt(seconds) {
      const found = names.map((format) => partOf(format, seconds)).find((text) => /^[A-Z]{2,5}$/.test(text));
      return found ?? numericOffset(offsetAt(seconds));
    },
  };
}

function numericOffset(offset: number): string {
  const minutes = Math.trunc(Math.abs(offset) / 60);
  const [hour, minute] = [Math.trunc(minutes / 60), minutes % 60].map((number) => String(number).padStart(2, '0'));
  return `${offset < 0 ? '-' : '+'}${hour}${minute === '00' ? '' : minute}`;
}
