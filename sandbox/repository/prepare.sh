# Makes a task's own image ready for agents. Runs as root, without a network, in a container of that image which no agent
# ever touched; what it leaves becomes the image that agents work in.
#
#   sh -s DIRECTORY COMMIT
#
# /dgm/history.git  every object that the repository's new HEAD reaches, and no other
# /dgm/pristine     the work tree, with a .git of its own; what a session starts from and is compared with
# /dgm/home         settings of git for those who look at /dgm/pristine, which is root's
set -eu
directory=$1 commit=$2
home=/dgm/home history=/dgm/history.git pristine=/dgm/pristine

fail() {
    echo "$1" >&2
    exit 1
}

[ -x /usr/bin/python3 ] || fail 'it has no /usr/bin/python3, which agents need'
[ -x /usr/bin/git ] || fail 'it has no /usr/bin/git'
cd "$directory"

mkdir -p $home $history $pristine
printf '[safe]\n\tdirectory = *\n' >$home/.gitconfig
export HOME=$home XDG_CONFIG_HOME=$home GIT_CONFIG_NOSYSTEM=1 LC_ALL=C
# Neither may change what a commit reaches.
export GIT_NO_REPLACE_OBJECTS=1 GIT_GRAFT_FILE=/dev/null
git rev-parse --quiet --verify "$commit^{commit}" >/dev/null || fail "its repository has no commit $commit"

# Where `pack-objects` fails, the pack has no end, which `index-pack` refuses.
git init --quiet --bare --template= $history
printf '%s\n' "$commit" |
    git -c pack.windowMemory=64m pack-objects --quiet --revs --stdout --delta-base-offset --no-use-bitmap-index |
    git -C $history index-pack --stdin >/dev/null
boundary=$(git rev-parse --git-path shallow)
[ ! -f "$boundary" ] || cp "$boundary" /dgm/boundary

rm -rf "$(git rev-parse --git-common-dir)"
find . -name .git -prune -exec rm -rf {} +
cp -a --no-preserve=ownership . $pristine
chmod -R u+rwX,a+rX $pristine
cd $pristine
find "$directory" -mindepth 1 -delete

git init --quiet --template= .
mkdir -p .git/objects/info
echo $history/objects >.git/objects/info/alternates
# The history of a shallow clone ends at these; later ones are none of the agent's business.
if [ -f /dgm/boundary ]; then
    while read -r last; do
        if git cat-file -e "$last" 2>/dev/null; then echo "$last" >>.git/shallow; fi
    done </dgm/boundary
    rm /dgm/boundary
fi
git symbolic-ref HEAD refs/heads/main
git config user.name agent
git config user.email agent@localhost
git config gc.auto 0
git update-ref HEAD "$commit"

# What the image changed in the work tree is committed, so that `git status` shows what the agent did and nothing else. The
# objects go where sessions share them. Submodules have lost their .git: their files are files like others.
export GIT_OBJECT_DIRECTORY=$history/objects
git read-tree HEAD
git ls-files --stage -z | sed -zn 's/^160000 [0-9a-f]* 0\t//p' | git update-index -z --force-remove --stdin
git -c core.safecrlf=false add --all .
tree=$(git write-tree)
if [ "$tree" != "$(git rev-parse 'HEAD^{tree}')" ]; then
    date=$(git show --no-patch --format='@%ct +0000' HEAD)
    export GIT_AUTHOR_NAME=dgm GIT_AUTHOR_EMAIL=dgm@localhost GIT_AUTHOR_DATE="$date"
    export GIT_COMMITTER_NAME=dgm GIT_COMMITTER_EMAIL=dgm@localhost GIT_COMMITTER_DATE="$date"
    git update-ref HEAD "$(git commit-tree -p HEAD -m 'The environment of this task' "$tree")"
fi
rm -rf .git/logs
chmod -R a+rX .git $history

# A tmpfs takes the mode of the directory that it covers. Programs that the image keeps below /root are for agents too.
mkdir -p /agent /task /gateway /home/agent
chmod 0755 /agent /task /gateway /home /home/agent
chmod 0775 "$directory"
chmod 1777 /tmp
chmod a+rx /root
# Of no use under no-new-privileges, and the first thing to try.
find / -xdev -type f -perm /6000 -exec chmod a-s {} +
