import type { ByteSource } from '../../bytes/byte-source.ts';
import { FormatError } from '../../errors.ts';
import { limits } from '../../limits.ts';
import { readComment } from './comment.ts';
import { type DynamicSection, readDynamic } from './dynamic.ts';
import { type ElfHeader, readHeader } from './header.ts';
import { readInterpreter } from './interpreter.ts';
import { MemoryImage } from './memory-image.ts';
import { type Note, readNotes } from './notes.ts';
import {
  distinctSymbols,
  highestSymbol,
  type RelocationSurvey,
  type SymbolRelocations,
  surveyRelocations,
} from './relocations.ts';
import { readSections, type Section } from './sections.ts';
import { assertSegmentsInside, readSegments, type Segment } from './segments.ts';
import { readSymbolVersions, type SymbolVersions } from './symbol-versions.ts';
import { readDynamicSymbols, readLinkSymbols, type SymbolTable } from './symbols.ts';

/**
 * An ELF file, read as far as it was asked.
 *
 * Opening reads headers, the dynamic section and the interpreter; symbols, versions, relocations and notes are read
 * on first use and kept.
 */
export class ElfFile {
  readonly source: ByteSource;
  readonly header: ElfHeader;
  readonly segments: readonly Segment[];
  /** Empty when the file has no section headers: nothing that a loader does depends on them. */
  readonly sections: readonly Section[];
  readonly memory: MemoryImage;
  readonly dynamic: DynamicSection | null;
  readonly interpreter: string | null;
  #relocationSurvey: RelocationSurvey | null | undefined;
  #relocatedSymbols: Uint32Array | undefined;
  #dynamicSymbols: SymbolTable | null | undefined;
  #versions: SymbolVersions | null | undefined;
  #notes: readonly Note[] | undefined;

  /** @throws FormatError when headers, segments or the dynamic section contradict the format. */
  constructor(source: ByteSource) {
    this.source = source;
    this.header = readHeader(source);
    this.segments = readSegments(source, this.header);
    this.sections = readSections(source, this.header);
    assertSegmentsInside(source, this.header, this.segments, this.sections);
    this.memory = new MemoryImage(source, this.segments);
    this.dynamic = readDynamic(source, this.header, this.segments, this.sections, this.memory);
    this.interpreter = readInterpreter(source, this.segments);
  }

  /**
   * For who is going to ask for relocations anyway: how many symbols there are is then known from them, without one more
   * pass that only counts.
   *
   * @throws FormatError
   */
  surveyRelocationsFirst(): void {
    this.#relocationSurvey = this.relocationSurvey;
  }

  /** What all relocations ask for; `null` for a static file. @throws FormatError */
  get relocationSurvey(): RelocationSurvey | null {
    if (this.#relocationSurvey === undefined) {
      this.#relocationSurvey = this.dynamic === null ? null : surveyRelocations(this.header, this.dynamic, this.memory);
    }
    return this.#relocationSurvey;
  }

  /** Relocations that refer to a symbol; none for a static file. @throws FormatError */
  get relocations(): SymbolRelocations {
    const survey = this.relocationSurvey;
    if (survey === null) {
      return noRelocations;
    }
    if (survey.ofSymbols === null) {
      throw new FormatError(
        this.dynamic?.offset ?? 0,
        `more than ${limits.symbolRelocations} relocations refer to symbols, which is more than are read`,
      );
    }
    return survey.ofSymbols;
  }

  /**
   * Numbers of the dynamic symbols that relocations refer to, each once, in the order of the first of their relocations.
   *
   * @throws FormatError
   */
  get relocatedSymbols(): Uint32Array {
    this.#relocatedSymbols ??= distinctSymbols(this.relocations, this.dynamicSymbols?.length ?? 0);
    return this.#relocatedSymbols;
  }

  /** The symbols the run-time linker works with; `null` for a static file. @throws FormatError */
  get dynamicSymbols(): SymbolTable | null {
    if (this.#dynamicSymbols === undefined) {
      this.#dynamicSymbols =
        this.dynamic === null
          ? null
          : readDynamicSymbols(
              this.header,
              this.sections,
              this.dynamic,
              this.memory,
              (dynamic) => this.#relocationSurvey?.highestSymbol ?? highestSymbol(this.header, dynamic, this.memory),
            );
    }
    return this.#dynamicSymbols;
  }

  /** Versions of the dynamic symbols; `null` for a static file. @throws FormatError */
  get symbolVersions(): SymbolVersions | null {
    if (this.#versions === undefined) {
      const symbols = this.dynamicSymbols;
      this.#versions =
        this.dynamic === null || symbols === null
          ? null
          : readSymbolVersions(this.header, this.dynamic, this.memory, symbols.length);
    }
    return this.#versions;
  }

  /** @throws FormatError */
  get notes(): readonly Note[] {
    this.#notes ??= readNotes(this.source, this.header, this.segments, this.sections);
    return this.#notes;
  }

  /** The linker's own symbols, a chunk at a time; nothing when the file is stripped. @throws FormatError */
  linkSymbols(): Generator<SymbolTable> {
    return readLinkSymbols(this.source, this.header, this.sections);
  }

  /** Lines that compilers and linkers left in `.comment`. */
  comment(): readonly string[] {
    return readComment(this.source, this.sections);
  }

  section(name: string): Section | null {
    return this.sections.find((section) => section.name === name) ?? null;
  }
}

const noRelocations: SymbolRelocations = {
  length: 0,
  addresses: new Float64Array(0),
  symbols: new Uint32Array(0),
  types: new Uint32Array(0),
  runs: new Uint32Array(0),
  firstLazy: 0,
};
