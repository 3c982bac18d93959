/**
 * The main job, on real binaries: asks elfgate about files that were built for this, then loads them and compares.
 * `npm run demo`
 *
 * Exit code 0: every verdict agreed with what happened; 1: one did not, or nothing could be run.
 */

import { relative } from 'node:path';
import { usesColor } from '../cli/output.ts';
import { elfgate, judge } from './demo/commands.ts';
import { demoDirectory, type Missing, placeFiles, writeConfiguration } from './demo/files.ts';
import { preparation } from './demo/preparation.ts';
import { type Scene, scenes } from './demo/scenes.ts';
import { type Row, screen } from './demo/screen.ts';

const color = usesColor('auto', process.env, process.stdout);
const show = screen(color);

const missing = await prepare();
print(show.introduction(relative(process.cwd(), demoDirectory)));
const rows: Row[] = [];
for (const scene of scenes) {
  print(show.heading(rows.length + 1, scene.title));
  rows.push(await play(scene, missing));
}
print(show.table(rows));
print(show.conclusion(rows));
process.exitCode = rows.some(({ agrees }) => agrees) && rows.every(({ agrees }) => agrees !== false) ? 0 : 1;

/** Builds what the scenes need, and the policies, whose first compilation on a machine takes longest. */
async function prepare(): Promise<Missing> {
  const progress = preparation(process.stderr);
  const missing = await placeFiles(progress.ready);
  writeConfiguration(glibcOfThisMachine());
  progress.begun('policies');
  const listed = await elfgate(['policy', 'list']);
  progress.end();
  if (listed.exitCode !== 0) {
    process.stderr.write(listed.stderr);
    process.exit(2);
  }
  return missing;
}

async function play(scene: Scene, missing: Missing): Promise<Row> {
  const { title } = scene;
  const lacking = scene.needs.find((file) => missing.has(file));
  if (lacking !== undefined) {
    print(show.missing(`${lacking}: ${missing.get(lacking)}`));
    return { title, says: '–', happened: 'cannot run here', agrees: null };
  }
  print(show.command(`elfgate check ${scene.check.join(' ')}`));
  try {
    const judgement = await judge(scene.check, color);
    print(judgement.text);
    print(show.exitCode(judgement.exitCode));
    const says = scene.says(judgement);
    if (scene.notRunBecause !== null) {
      print(show.notRun(scene.notRunBecause));
      return { title, says, happened: 'not run', agrees: null };
    }
    const { happenings, happened, agrees } = await scene.run(judgement);
    print(show.reality(happenings, agrees));
    return { title, says, happened, agrees };
  } catch (cause) {
    print(show.undecided(cause instanceof Error ? cause.message : String(cause)));
    return { title, says: 'could not decide', happened: '–', agrees: false };
  }
}

function glibcOfThisMachine(): string | null {
  const report = process.report.getReport();
  const header = 'header' in report ? report.header : null;
  const isHeader = typeof header === 'object' && header !== null && 'glibcVersionRuntime' in header;
  return isHeader ? String(header.glibcVersionRuntime) : null;
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}
