import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { ElfgateError } from '../errors.ts';
import type { Digest } from '../image/digest.ts';
import type { ScanResult } from './scan-result.ts';

/** What is done: one result for each digest and version of the policies. */
export interface ScanState {
  read(digest: Digest): ScanResult | null;
  /** Keeps a result. When there is one already, that stays. */
  write(digest: Digest, result: ScanResult): void;
  close(): void;
}

// The layout of the tables, kept in the database's user_version.
const layout = 1;

// Milliseconds that a process waits for another one that writes.
const patience = 10_000;

/**
 * Keeps results in an SQLite database, which several scans may use at the same time. A result is there as a whole or not
 * at all, also when the process is killed.
 *
 * @param version names the policies, their parameters, and the code that states facts; results of others are not read.
 * @throws ElfgateError `unreadable` when the file cannot be used: results that get lost would be found out again and
 * again, and nobody would see it.
 */
export function scanState(file: string, version: string): ScanState {
  const database = openDatabase(file);
  const find = database.prepare('SELECT result FROM results WHERE digest = ? AND version = ?');
  const insert = database.prepare('INSERT OR IGNORE INTO results (digest, version, result) VALUES (?, ?, ?)');
  return {
    read(digest) {
      const row = find.get(digest, version);
      return typeof row?.result === 'string' ? (JSON.parse(row.result) as ScanResult) : null;
    },
    write(digest, result) {
      insert.run(digest, version, JSON.stringify(result));
    },
    close: () => database.close(),
  };
}

function openDatabase(file: string): DatabaseSync {
  let database: DatabaseSync | undefined;
  try {
    mkdirSync(dirname(file), { recursive: true });
    database = new DatabaseSync(file);
    // Of a power failure the last results may not survive; of a kill they do.
    database.exec(`PRAGMA busy_timeout = ${patience}; PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;`);
    const found = Number(database.prepare('PRAGMA user_version').get()?.user_version);
    if (found !== 0 && found !== layout) {
      throw new ElfgateError(
        'unreadable',
        `${file}: was written by another version of elfgate, or is no state of a scan`,
        {
          hint: 'name another file with --state',
        },
      );
    }
    database.exec(`
      CREATE TABLE IF NOT EXISTS results (
        digest TEXT NOT NULL,
        version TEXT NOT NULL,
        result TEXT NOT NULL,
        PRIMARY KEY (digest, version)
      ) WITHOUT ROWID;
      PRAGMA user_version = ${layout};`);
    return database;
  } catch (cause) {
    database?.close();
    throw cause instanceof ElfgateError
      ? cause
      : new ElfgateError('unreadable', `${file}: the state of scans cannot be kept there`, {
          hint: 'name another file with --state',
          cause,
        });
  }
}
