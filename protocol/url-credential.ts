// A user or a password inside a URL (https://user:password@host): refused wherever a URL is configured. Such
// URLs stand in files that every user of a host reads, in arguments of processes, in logs and reports.
import { Fault } from './catalogue/fault.ts';

/** Also one that is empty, and one of a URL that is wrong otherwise. */
export function holdsCredential(url: string): boolean {
  if (/^[a-z][a-z0-9+.-]{0,30}:\/\/[^/?#]*@/i.test(url)) return true;
  if (!URL.canParse(url)) return false;
  const { username, password } = new URL(url);
  return username !== '' || password !== '';
}

/** The place is a flag or a path of a field; the URL itself is not told again. */
export function requireNoCredential(url: string, place: string): void {
  if (holdsCredential(url)) throw new Fault('URL_CREDENTIAL', { place });
}

/** For texts that quote what was configured. */
export function withoutCredential(text: string): string {
  return text.replaceAll(/(?<=:\/\/)[^\s/?#"'@]{0,1024}@/g, '[removed]@');
}
