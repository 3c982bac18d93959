import { BuiltinError, type Builtins, plain } from './builtin.ts';
import { parseDuration } from './go-duration.ts';
import { formatTime, parseTime } from './go-time-layout.ts';
import { integerOf, textOf } from './operands.ts';
import { type Moment, momentAt, nanosecondsOf, zoneNamed } from './time-zones.ts';

/** Times as nanoseconds since 1970, alone or as `[ns, zone]` or `[ns, zone, layout]`. */
export const times: Builtins = {
  'time.now_ns': plain(function () {
    return this.startNanoseconds;
  }),
  'time.parse_ns': plain((layout, text) => inRange(parseTime(layoutNamed(textOf(layout)), textOf(text)))),
  'time.parse_rfc3339_ns': plain((text) => inRange(parseTime(layouts.RFC3339, textOf(text)))),
  'time.parse_duration_ns': plain((text) => parseDuration(textOf(text))),
  'time.format': plain((operand) => {
    const { moment, layout } = timeOf(operand);
    return formatTime(layout === '' ? layouts.RFC3339Nano : layoutNamed(layout), moment);
  }),
  'time.date': plain((operand) => {
    const { civil } = timeOf(operand).moment;
    return [civil.getUTCFullYear(), civil.getUTCMonth() + 1, civil.getUTCDate()];
  }),
  'time.clock': plain((operand) => clockOf(timeOf(operand).moment.civil)),
  'time.weekday': plain(
    (operand) =>
      ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday'][
        timeOf(operand).moment.civil.getUTCDay()
      ],
  ),
  'time.add_date': plain((operand, years, months, days) => {
    const { civil, nanosecond, zone } = timeOf(operand).moment;
    const added = new Date(civil);
    added.setUTCFullYear(
      civil.getUTCFullYear() + Number(integerOf(years)),
      civil.getUTCMonth() + Number(integerOf(months)),
      civil.getUTCDate() + Number(integerOf(days)),
    );
    if (Number.isNaN(added.getTime())) {
      throw new BuiltinError('time outside of valid range');
    }
    return inRange(nanosecondsOf(added, nanosecond, zone));
  }),
  'time.diff': plain((a, b) => {
    const first = timeOf(a).moment;
    return difference(first, momentAt(timeOf(b).moment.nanoseconds, first.zone));
  }),
};

/** The constants of Go's package time, by the names that OPA accepts. */
const layouts = {
  ANSIC: 'Mon Jan _2 15:04:05 2006',
  UnixDate: 'Mon Jan _2 15:04:05 MST 2006',
  RubyDate: 'Mon Jan 02 15:04:05 -0700 2006',
  RFC822: '02 Jan 06 15:04 MST',
  RFC822Z: '02 Jan 06 15:04 -0700',
  RFC850: 'Monday, 02-Jan-06 15:04:05 MST',
  RFC1123: 'Mon, 02 Jan 2006 15:04:05 MST',
  RFC1123Z: 'Mon, 02 Jan 2006 15:04:05 -0700',
  RFC3339: '2006-01-02T15:04:05Z07:00',
  RFC3339Nano: '2006-01-02T15:04:05.999999999Z07:00',
} as const;

function layoutNamed(layout: string): string {
  return Object.entries(layouts).find(([name]) => name === layout)?.[1] ?? layout;
}

function timeOf(operand: unknown): { readonly moment: Moment; readonly layout: string } {
  const [nanoseconds, zone = '', layout = ''] = Array.isArray(operand) ? operand : [operand];
  return { moment: momentAt(integerOf(nanoseconds), zoneNamed(textOf(zone))), layout: textOf(layout) };
}

/** Nanoseconds in 64 bits reach from 1677 to 2262. */
function inRange(nanoseconds: bigint): bigint {
  if (BigInt.asIntN(64, nanoseconds) !== nanoseconds) {
    throw new BuiltinError('time outside of valid range');
  }
  return nanoseconds;
}

function clockOf(civil: Date): readonly [number, number, number] {
  return [civil.getUTCHours(), civil.getUTCMinutes(), civil.getUTCSeconds()];
}

/** Years, months, days, hours, minutes and seconds between two times of one zone. */
function difference(a: Moment, b: Moment): readonly number[] {
  const [from, to] = a.nanoseconds > b.nanoseconds ? [b.civil, a.civil] : [a.civil, b.civil];
  const [fromHour, fromMinute, fromSecond] = clockOf(from);
  const [toHour, toMinute, toSecond] = clockOf(to);
  let year = to.getUTCFullYear() - from.getUTCFullYear();
  let month = to.getUTCMonth() - from.getUTCMonth();
  let day = to.getUTCDate() - from.getUTCDate();
  let hour = toHour - fromHour;
  let minute = toMinute - fromMinute;
  let second = toSecond - fromSecond;
  if (second < 0) {
    second += 60;
    minute--;
  }
  if (minute < 0) {
    minute += 60;
    hour--;
  }
  if (hour < 0) {
    hour += 24;
    day--;
  }
  if (day < 0) {
    day += new Date(Date.UTC(from.getUTCFullYear(), from.getUTCMonth() + 1, 0)).getUTCDate();
    month--;
  }
  if (month < 0) {
    month += 12;
    year--;
  }
  return [year, month, day, hour, minute, second];
}
