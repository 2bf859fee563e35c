// How the texts of a check look. Every text exists in both languages by its type; `{name}` stands
// for one of the check's values, `{measured}` and `{threshold}` for its evidence. Commands are
// the same in every language.
import type { Text } from '../../../protocol/catalogue/text.ts';

/** One way in which a check can find fault: what is wrong, what to do, and commands to paste. */
export interface ProblemMessages {
  readonly message: Text;
  readonly remedy: Text;
  readonly commands: readonly string[];
}

export interface CheckMessages {
  readonly title: Text;
  /** What the check compares and why a node needs it: the documentation of `regnode explain CODE`. */
  readonly why: Text;
  readonly problems: Readonly<Record<string, ProblemMessages>>;
}
