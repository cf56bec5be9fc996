import { print } from './output.js'

export const shells = ['bash', 'zsh', 'fish'] as const

/** The parser itself says what may follow: by SHELL it knows whether descriptions may stand beside the words. */
const SCRIPTS: Readonly<Record<(typeof shells)[number], string>> = {
  bash: `# Completion of rowshift for bash: rowshift completion bash > ~/.local/share/bash-completion/completions/rowshift
_rowshift() {
  local words
  words=$(SHELL=bash ZSH_NAME= rowshift --get-yargs-completions "\${COMP_WORDS[@]:0:COMP_CWORD+1}" 2>/dev/null)
  mapfile -t COMPREPLY < <(compgen -W "$words" -- "\${COMP_WORDS[COMP_CWORD]}")
}
complete -o bashdefault -o default -F _rowshift rowshift`,
  zsh: `#compdef rowshift
# Completion of rowshift for zsh: rowshift completion zsh > a file "_rowshift" in a folder of $fpath
_rowshift() {
  local -a found
  found=(\${(f)"$(SHELL=zsh rowshift --get-yargs-completions "\${(@)words[1,CURRENT]}" 2>/dev/null)"})
  if (( $#found )); then _describe rowshift found; else _default; fi
}
if [[ $zsh_eval_context[-1] == loadautofunc ]]; then _rowshift "$@"; else compdef _rowshift rowshift; fi`,
  fish: `# Completion of rowshift for fish: rowshift completion fish > ~/.config/fish/completions/rowshift.fish
function __rowshift_complete
    set -lx SHELL fish
    rowshift --get-yargs-completions (commandline -opc) (commandline -ct) 2>/dev/null
end
complete -c rowshift -a '(__rowshift_complete)'`,
}

/** Prints the script that makes a shell complete commands and options. */
export async function completionCommand(shell: (typeof shells)[number]): Promise<number> {
  print(SCRIPTS[shell])
  return 0
}
