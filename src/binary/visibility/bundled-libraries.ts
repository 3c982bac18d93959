/** A library that is often linked into others, and the names by which its copy shows. */
interface BundledLibrary {
  readonly name: string;
  /** Sonames of the library itself, which exports these names by right. */
  readonly soname: RegExp;
  readonly symbol: RegExp;
  /** How many of its names must show before the copy counts as certain. */
  readonly least: number;
}

// Public prefixes of each library's own headers. Names that several projects share are left out.
const libraries: readonly BundledLibrary[] = [
  {
    name: 'zlib',
    soname: /^lib(?:z|minizip)(?:-ng)?\.so/,
    symbol:
      /^(?:deflate|inflate)(?:$|Init2?_|End|Reset|Params|Prime|Bound|SetDictionary|Copy|Sync|Tune|Pending|Mark|Back\w*)|^(?:adler32|crc32)(?:$|_combine|_z)|^zlib(?:Version|CompileFlags)$|^(?:un)?compress2?$|^compressBound$|^gz(?:open|read|write|close|puts|printf|dopen)$/,
    least: 3,
  },
  {
    name: 'openssl',
    soname: /^lib(?:ssl|crypto)[.-]|^libgnutls-openssl/,
    // Not SSL_ alone, which Mozilla's NSS uses for its own functions.
    symbol: /^(?:SSL_CTX|EVP|OPENSSL|CRYPTO|ASN1|BN|PKCS12|X509_STORE|PEM_(?:read|write))_\w+$/,
    least: 8,
  },
  { name: 'protobuf', soname: /^libproto(?:buf|c)/, symbol: /^_ZNK?6google8protobuf/, least: 3 },
  { name: 'abseil', soname: /^libabsl_/, symbol: /^_ZNK?4absl/, least: 3 },
  { name: 'sqlite', soname: /^libsqlite3/, symbol: /^sqlite3_[a-z]/, least: 3 },
  { name: 'libcurl', soname: /^libcurl/, symbol: /^curl_(?:easy|multi|global|share|url)_/, least: 3 },
  { name: 'libpng', soname: /^libpng/, symbol: /^png_(?:create|read|write|set|get|init|destroy)_/, least: 3 },
  {
    name: 'libjpeg',
    soname: /^lib(?:turbo)?jpeg/,
    symbol: /^jpeg_(?:\w*(?:compress|scanlines|header|save|std))/,
    least: 3,
  },
  { name: 'expat', soname: /^libexpat/, symbol: /^XML_(?:Parse|Set|Get|Expat)/, least: 3 },
  { name: 'libxml2', soname: /^libxml2/, symbol: /^xml(?:Parse|New|Free|Read|Doc|Node|XPath|Text)/, least: 5 },
  { name: 'zstd', soname: /^libzstd/, symbol: /^ZSTD_[a-z]/, least: 3 },
  { name: 'lz4', soname: /^liblz4/, symbol: /^LZ4F?_[a-z]/, least: 3 },
  { name: 'bzip2', soname: /^libbz2/, symbol: /^BZ2_bz/, least: 3 },
  { name: 'xz', soname: /^liblzma/, symbol: /^lzma_[a-z]/, least: 3 },
  { name: 'lua', soname: /^liblua/, symbol: /^luaL?_[a-z]/, least: 5 },
  {
    name: 'jansson',
    soname: /^libjansson/,
    // Not json_object_, which json-c and json-glib use for theirs.
    symbol:
      /^json_(?:load[sbf]|load_file|dump[sbf]|dump_file|delete|v?pack(?:_ex)?|v?unpack(?:_ex)?|deep_copy|(?:object_set|array_append|array_set|array_insert)_new|(?:string|integer|real)_value)$/,
    least: 5,
  },
  { name: 'libuv', soname: /^libuv/, symbol: /^uv_(?:loop|run|tcp|timer|async|fs|read|write)\w*/, least: 5 },
  { name: 'grpc', soname: /^libgrpc|^libgpr/, symbol: /^grpc_|^_ZNK?4grpc/, least: 5 },
  { name: 'mbedtls', soname: /^libmbed/, symbol: /^mbedtls_/, least: 3 },
  { name: 'libffi', soname: /^libffi/, symbol: /^ffi_(?:call|prep_cif|closure_\w+|type_\w+)/, least: 3 },
];

/** A copy of a library whose names a file exports. */
export interface LeakedLibrary {
  readonly library: string;
  /** How many of its names are exported. */
  readonly count: number;
  /** The first of them, sorted. */
  readonly symbols: readonly string[];
}

const listed = 8;

/**
 * Which well-known libraries a file exports although it is none of them.
 *
 * @param names exported names.
 * @param soname the file's own, by which a library is known to be itself.
 */
export function leakedLibraries(names: readonly string[], soname: string | null): readonly LeakedLibrary[] {
  const found: LeakedLibrary[] = [];
  for (const library of libraries) {
    if (soname !== null && library.soname.test(soname)) {
      continue;
    }
    const symbols = names.filter((name) => library.symbol.test(name));
    if (symbols.length >= library.least) {
      found.push({ library: library.name, count: symbols.length, symbols: symbols.slice(0, listed) });
    }
  }
  return found;
}
