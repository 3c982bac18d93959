import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { limits } from '../../limits.ts';
import type { FactsStore } from './facts-store.ts';
import { decodeContents, encodeContents } from './stored-contents.ts';

export interface DiskStoreOptions {
  /** Where the database lies; made where it is absent. */
  readonly directory: string;
  /** Names the code that states the facts: facts of any other code are not read, and go when space is needed. */
  readonly revision: string;
  /** Bytes of all facts together; those that were not used longest go first. */
  readonly mostBytes?: number;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

// The layout of the tables. A database of any other one is made anew: everything in it can be found out again.
const layout = 2;

// Milliseconds that a process waits for another one that writes.
const patience = 2_000;

// Milliseconds. When facts were used last need not be known better, and reading should not mean writing.
const useInterval = 3_600_000;

/**
 * Keeps facts in an SQLite database, which any number of processes may use at the same time; one that is killed leaves
 * whole facts or none. A database that cannot be used is as good as an empty one.
 */
export function diskStore(options: DiskStoreOptions): FactsStore {
  const { revision, now, mostBytes = limits.factsStoreBytes } = options;
  const database = openDatabase(options.directory);
  if (database === null) {
    return { read: async () => null, readRoot: async () => null, write: async () => false, close() {} };
  }
  const find = database.prepare('SELECT contents, used FROM facts WHERE digest = ? AND revision = ?');
  const findRoot = database.prepare('SELECT root FROM facts WHERE digest = ? AND revision = ?');
  const touch = database.prepare('UPDATE facts SET used = ? WHERE digest = ? AND revision = ?');
  const insert = database.prepare(
    'INSERT OR REPLACE INTO facts (digest, revision, contents, bytes, used, root) VALUES (?, ?, ?, ?, ?, ?)',
  );
  const total = database.prepare('SELECT coalesce(sum(bytes), 0) AS bytes FROM facts');
  const prune = database.prepare(`
    DELETE FROM facts WHERE rowid IN (
      SELECT rowid FROM (
        SELECT rowid, sum(bytes) OVER (ORDER BY used DESC, rowid DESC) AS upTo FROM facts
      ) WHERE upTo > ?
    )`);
  // Adding up all facts takes the longer the more there are: it is done once in a hundredth of the space.
  let sinceAdded = Number.POSITIVE_INFINITY;
  return {
    async read({ digest }) {
      return attempt(() => {
        const row = find.get(digest, revision);
        if (row === undefined || !(row.contents instanceof Uint8Array)) {
          return null;
        }
        if (now() - Number(row.used) > useInterval) {
          attempt(() => touch.run(now(), digest, revision));
        }
        return decodeContents(row.contents);
      });
    },
    async readRoot({ digest }) {
      return attempt(() => {
        const root = findRoot.get(digest, revision)?.root;
        return root instanceof Uint8Array ? root : null;
      });
    },
    async write({ digest }, contents, root) {
      const written = attempt(() => {
        const encoded = encodeContents(contents);
        const bytes = encoded.length + (root?.length ?? 0);
        if (bytes > mostBytes) {
          return false;
        }
        insert.run(digest, revision, encoded, bytes, now(), root);
        sinceAdded += bytes;
        return true;
      });
      if (sinceAdded >= mostBytes / 100) {
        sinceAdded = 0;
        attempt(() => {
          if (Number(total.get()?.bytes) > mostBytes) {
            // To somewhat less, so that not every write has to make room.
            prune.run(Math.floor(mostBytes * 0.9));
          }
        });
      }
      return written ?? false;
    },
    close() {
      attempt(() => database.close());
    },
  };
}

/** `null` when there is no place for a database, or it cannot be made one. */
function openDatabase(directory: string): DatabaseSync | null {
  const file = join(directory, 'facts.sqlite');
  try {
    return prepared(directory, file);
  } catch (error) {
    if (!isDamage(error)) {
      return null;
    }
    // Whoever has it open goes on with the old one; what was in it can be found out again.
    return attempt(() => {
      for (const part of [file, `${file}-wal`, `${file}-shm`]) {
        rmSync(part, { force: true });
      }
      return prepared(directory, file);
    });
  }
}

// SQLITE_CORRUPT and SQLITE_NOTADB (sqlite3.h). A database that is merely busy is in order.
const damageCodes: ReadonlySet<number> = new Set([11, 26]);

function isDamage(error: unknown): boolean {
  return error instanceof Error && 'errcode' in error && damageCodes.has(Number(error.errcode) & 0xff);
}

function prepared(directory: string, file: string): DatabaseSync {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const database = new DatabaseSync(file);
  try {
    database.exec(`PRAGMA busy_timeout = ${patience}`);
    if (layoutOf(database) !== layout) {
      database.exec('PRAGMA journal_mode = WAL; BEGIN IMMEDIATE');
      // Another process may have made it while this one waited. Writers of an old layout fail from now on.
      if (layoutOf(database) !== layout) {
        database.exec(`
          DROP TABLE IF EXISTS facts;
          CREATE TABLE facts (
            digest TEXT NOT NULL,
            revision TEXT NOT NULL,
            contents BLOB NOT NULL,
            bytes INTEGER NOT NULL,
            used INTEGER NOT NULL,
            root BLOB,
            PRIMARY KEY (digest, revision)
          );
          PRAGMA user_version = ${layout}`);
      }
      database.exec('COMMIT');
    }
    // A power failure may take the last facts along, and never damages the others.
    database.exec('PRAGMA synchronous = NORMAL');
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

function layoutOf(database: DatabaseSync): number {
  return Number(database.prepare('PRAGMA user_version').get()?.user_version);
}

function attempt<Result>(work: () => Result): Result | null {
  try {
    return work();
  } catch {
    return null;
  }
}
