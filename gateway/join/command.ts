// The line that an operator pastes into a root shell of a host. It names by its sha256 the one script that
// may run, fetches it from the gateway without trust, and runs nothing else; it reads the script once, into
// memory, so what is run is what was compared. The flags carry the rest of the trust to that script: the hash
// of the CA, the hash of the key that signs the artifacts, the serial of the manifest in force. The token is
// in the environment of one bash, never in an argument. The flags stand last, where more can be added. curl
// 7.29 and bash 4.2 (el7) are enough.

import { Fault, fill, type Language } from '../../protocol/catalogue/fault.ts';
import { catalogue } from '../../protocol/catalogue/index.ts';
import { installerLimitBytes } from '../../protocol/messages/manifest.ts';

export interface JoinCommandOptions {
  readonly gatewayUrl: string;
  /** Of the bytes that /cacert serves. */
  readonly caSha256: string;
  /** Of the public key that signs the artifacts. */
  readonly artifactKeySha256: string;
  /** Of install.sh, as the signed manifest lists it. */
  readonly installerSha256: string;
  /** Of that manifest: a host takes none that is older. */
  readonly manifestSerial: number;
  readonly token: string;
  /** Of the node; default: what the host calls itself. */
  readonly nodeName?: string;
  /** Of whoever makes the command: in Chinese, the line can say in Chinese too why it has run nothing. */
  readonly language?: Language;
}

const code = 'INSTALLER_NOT_VERIFIED';

export function joinCommand(options: JoinCommandOptions): string {
  const { gatewayUrl, caSha256, artifactKeySha256, installerSha256, manifestSerial, token, nodeName } =
    options;
  // The parts stand unquoted in the line, so they must be what they should be.
  const url = shellUrl(gatewayUrl);
  for (const [what, hash] of Object.entries({ caSha256, artifactKeySha256, installerSha256 })) {
    if (!/^[0-9a-f]{64}$/.test(hash)) throw new Fault('USAGE', { detail: `${what} is no sha256` });
  }
  if (!Number.isSafeInteger(manifestSerial) || manifestSerial < 1)
    throw new Fault('USAGE', { detail: `${manifestSerial} is no serial` });
  if (!/^rt-[a-z0-9]{6}\.[a-z0-9]{32}$/.test(token)) throw new Fault('TOKEN_INVALID', { id: '?' });
  if (nodeName !== undefined && !/^[a-z0-9.-]{1,63}$/.test(nodeName)) {
    throw new Fault('NODE_NAME_INVALID', { name: nodeName });
  }
  // $2 is the URL: the second of the flags behind the quoted part.
  const inside =
    `h=${installerSha256};s=$(curl -qfskm60 "$2/artifacts/$h.sh"|head -c${installerLimitBytes});` +
    `[ "$(printf "%s\\n" "$s"|sha256sum)" = "$h  -" ]||{ ${refusal(options.language)};exit 1;};` +
    `printf "%s\\n" "$s"|REGNODE_TOKEN=${token} bash -s -- "$@"`;
  const flags = [
    `--gateway ${url} --ca-sha256 ${caSha256} --artifact-key-sha256 ${artifactKeySha256}`,
    `--manifest-serial ${manifestSerial}`,
    ...(nodeName === undefined ? [] : [`--name ${nodeName}`]),
  ];
  return `echo '${forEveryShell(inside)}'|bash -s -- ${flags.join(' ')}`;
}

/** Says, in words of the catalogue, that nothing was run. */
function refusal(language: Language = 'en'): string {
  const print = (of: Language) => {
    const { message, remedy } = catalogue[code][of];
    return `printf "[fail] ${code}: ${asciiOnly(fill(`${message} ${remedy}`, { url: '$2' }))}\\n">&2`;
  };
  if (language === 'en') return print('en');
  // biome-ignore lint/suspicious/noTemplateCurlyInString: the shell's, not JavaScript's
  const chosen = '${REGNODE_LANG:-${LC_ALL:-${LC_MESSAGES:-$LANG}}}';
  return `case ${chosen} in zh|zh_??|zh*.[uU]*) ${print('zh')};;*) ${print('en')};;esac`;
}

/**
 * A terminal in another character set than ours takes bytes beyond ASCII for keys; printf makes them again.
 */
function asciiOnly(text: string): string {
  return text.replaceAll(/[^\0-\x7f]/g, (letter) =>
    Array.from(Buffer.from(letter), (byte) => `\\x${byte.toString(16)}`).join(''),
  );
}

/**
 * `echo '…'` hands these on unchanged, or made ready, in sh, bash, zsh, fish and tcsh; a quote
 * or a `!` none of them would.
 */
function forEveryShell(text: string): string {
  if (!/['!]|\\(?![nx])|\n/.test(text)) return text;
  throw new Error(`a join command must not hold ${text}`);
}

/** A URL that is safe in the line: nothing but a host and a port. */
function shellUrl(text: string): string {
  if (/^https:\/\/[A-Za-z0-9.-]+(:\d{1,5})?$/.test(text)) return text;
  throw new Fault('USAGE', { detail: `"${text}" is no https://HOST[:PORT]` });
}
