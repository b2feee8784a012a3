"""The table of constructs that a person should see in lines that a child added."""

from dgm.boundary.inspection_patterns import Construct, View, construct, importing
from dgm.boundary.inspection_prompts import PROMPTS
from dgm.core.findings import FindingKind

_CALL = r"~\(~"
_COMPUTED = r"(?![bBrRuU]{0,2}[\"'])"
"""What follows is no literal string."""
_NEXT = r"(?: |[\"'][\x20\t,]{1,8}[\"'])"
"""Between two words of a command, in one string or in two: what stands between strings is blank."""

_CLIENTS = (
    *("requests", "httpx", "aiohttp", "urllib3", "pycurl", "paramiko", "websocket", "websockets", "grpc", "ftplib"),
    *(
        "smtplib",
        "poplib",
        "imaplib",
        "nntplib",
        "telnetlib",
        "xmlrpc",
        "socketserver",
        "http.server",
        "urllib.request",
    ),
)
_NETWORK = (
    construct(FindingKind.NETWORK, View.CODE, " ".join(_CLIENTS), importing(*_CLIENTS)),
    construct(
        FindingKind.NETWORK,
        View.CODE,
        "socket sock_raw af_ connection server gethost getaddr urlopen urlretrieve",
        # A unix socket is what every agent has.
        r"\bsocket~\((?![^\n]{0,80}AF_UNIX)",
        r"\b(?:AF_INET6?|AF_VSOCK|AF_NETLINK|AF_PACKET|AF_ALG|SOCK_RAW)\b",
        r"\b(?:create_connection|create_server|open_connection|start_server|urlopen|urlretrieve)\b",
        r"\b(?:getaddrinfo|gethostbyname(?:_ex)?|gethostbyaddr)\b",
        r"\bHTTPS?Connection~\(",
    ),
    construct(
        FindingKind.NETWORK,
        View.STRINGS,
        "curl wget ncat netcat socat ssh scp telnet /dev/ pip git",
        r"\b(?:curl|wget|ncat|netcat|socat|ssh|scp|telnet)" + _NEXT + r"[-\w./$@{]",
        r"/dev/(?:tcp|udp)/",
        rf"\bpip3?{_NEXT}install\b",
        rf"\bgit{_NEXT}(?:clone|fetch|pull|push)\b",
    ),
    construct(FindingKind.NETWORK, View.STRINGS, "", r"(?<![\w.])(?:[0-9]{1,3}\.){3}[0-9]{1,3}(?![\w.])"),
)

_CODE = (
    construct(
        FindingKind.DYNAMIC_CODE,
        View.CODE,
        "exec eval compile import",
        rf"(?:(?<![\w.])(?<!def\x20)|\b(?:builtins|__builtins__)\.)(?:exec|eval|compile){_CALL}{_COMPUTED}",
        rf"\b(?:__import__|import_module){_CALL}{_COMPUTED}",
    ),
    construct(
        FindingKind.DYNAMIC_CODE,
        View.CODE,
        "spec_from exec_module fileloader load_source interactive functiontype codetype runpy",
        r"\b(?:spec_from_file_location|exec_module|SourceFileLoader|load_source|InteractiveInterpreter)\b",
        r"\b(?:FunctionType|CodeType)~\(",
        r"\brunpy\.",
    ),
    construct(
        FindingKind.UNPICKLING,
        View.CODE,
        "pickle marshal shelve dill joblib __reduce yaml",
        importing("pickle", "_pickle", "cPickle", "marshal", "shelve", "dill", "cloudpickle", "joblib"),
        r"\b(?:pickle|marshal)\.loads?\b",
        r"\b__reduce(?:_ex)?__\b",
        r"\byaml\.(?:unsafe_)?load\b",
    ),
    construct(
        FindingKind.NATIVE_CODE,
        View.CODE,
        "ctypes cffi mmap _posixsubprocess cdll dlopen",
        importing("ctypes", "_ctypes", "cffi", "mmap", "_posixsubprocess"),
        r"\bCDLL\b|\bdlopen\b",
    ),
    construct(
        FindingKind.CODE_IN_STRING,
        View.STRINGS,
        "import def class",
        r"(?:^|[\"';]|\\n)[\x20\t]{0,40}import [\w.]{1,60}+(?: as \w{1,40}+)?~(?:$|[\"';,]|\\n)",
        r"(?:^|[\"';]|\\n)[\x20\t]{0,40}from [\w.]{1,60}+ import [\w*(]",
        r"(?:^|[\"';]|\\n)[\x20\t]{0,40}(?:async )?def \w{1,80}+~\([^\n()]{0,200}+\)[^\n:]{0,80}:",
        r"(?:^|[\"';]|\\n)[\x20\t]{0,40}class \w{1,80}+~(?:\([\w.,\x20]{0,120}+\))?:~(?:$|\\n)",
    ),
    construct(
        FindingKind.CODE_IN_STRING,
        View.STRINGS,
        "\\n",
        r"(?:\\n[\x20\t]{0,40}+\w[\w.]{0,40}+(?:~=~|\()[^\\\n\"']{1,80}+){3,100}+",
    ),
    construct(
        FindingKind.REFLECTION,
        View.CODE,
        "getattr __ globals locals vars sys.modules",
        rf"\bgetattr{_CALL}(?:__builtins__|builtins|os|sys|subprocess|importlib|socket|ctypes|posix)~,~{_COMPUTED}",
        r"\b(?:globals|locals|vars)~\([^()\n]{0,40}\)~\[",
        r"\b__(?:builtins|subclasses|globals|code|mro)__(?!\w)",
        r"\bsys\.modules\b",
    ),
    construct(
        FindingKind.INTERPRETER,
        View.CODE,
        "atexit settrace setprofile audithook excepthook meta_path path_hooks _getframe unraisable gc. builtins",
        r"\batexit\b",
        r"\b(?:settrace|setprofile|addaudithook|excepthook|unraisablehook|meta_path|path_hooks|_getframe)\b",
        r"\bgc\.get_(?:objects|referrers)\b",
        rf"\bbuiltins\.\w{{1,40}}+~=(?!=)|\bsetattr{_CALL}builtins\b",
    ),
)

_PROCESSES = (
    construct(
        FindingKind.SHELL,
        View.CODE,
        "shell system popen os.exec spawn output",
        r"\bshell~=~True\b|[(,]~shell~=(?!=|~False\b)",
        r"\bos\.(?:system|popen|exec[lv]p?e?|posix_spawnp?|spawn[lv]p?e?)\b",
        r"\bget(?:status)?output\b|\bpty\.spawn\b|\bcreate_subprocess_shell\b",
    ),
    construct(
        FindingKind.SHELL,
        View.STRINGS,
        "sh",
        rf"[\"'](?:/usr)?(?:/bin/)?(?:ba|z|da|k)?sh{_NEXT}-\w{{0,6}}c[\"']",
    ),
    construct(
        FindingKind.BACKGROUND,
        View.CODE,
        "fork setsid daemon session preexec_fn prctl setpg",
        r"\bos\.fork(?:pty)?\b|\bsetsid\b|\bsetpg(?:rp|id)\b|\bprctl\b|\bpreexec_fn\b|\bsetDaemon\b",
        r"\b(?:daemon|start_new_session)~=~True\b",
    ),
    construct(
        FindingKind.BACKGROUND, View.STRINGS, "nohup setsid disown crontab", r"\b(?:nohup|setsid|disown|crontab)\b"
    ),
    construct(
        FindingKind.SIGNALS,
        View.CODE,
        "kill signal ptrace",
        r"\bos\.kill(?:pg)?\b|\bpthread_kill\b|\bpidfd_send_signal\b|\bptrace\b",
        rf"\bsignal{_CALL}(?:signal\.)?SIG(?:TERM|INT|HUP|ALRM|QUIT)\b",
    ),
    construct(FindingKind.SIGNALS, View.STRINGS, "kill", r"\b(?:pkill|killall)\b", r"\bkill -"),
    construct(
        FindingKind.LONG_SLEEP,
        View.CODE,
        "sleep",
        rf"\bsleep{_CALL}(?:[0-9][0-9_]{{2,20}}|[6-9][0-9]|[0-9.]{{1,20}}e[0-9]|[0-9._]{{1,20}}~\*)",
    ),
    construct(
        FindingKind.LONG_SLEEP,
        View.STRINGS,
        "sleep",
        r"\bsleep (?:infinity|[0-9]{3,20}|[6-9][0-9]|[0-9]{1,20}[mhd])\b",
    ),
)

_FOREIGN = r"(?:etc|home|root|usr|var|opt|sbin|lib|lib64|boot|mnt|media|srv|run|host|Users|bin)(?![\w-])"
_COMMON_PROGRAM = r"(?:usr/)?bin/(?:env|python3?|(?:ba|da)?sh)\b"
_PLACES = (
    construct(
        FindingKind.SYSTEM_FILES,
        View.STRINGS,
        "/proc /sys /dev",
        r"(?<![\w./])/(?:proc|sys|dev)(?![\w-])(?!/(?:null|stdin|stdout|stderr|tty|tcp|udp)\b)",
    ),
    construct(
        FindingKind.OUTSIDE_PATH,
        View.STRINGS,
        "/",
        rf"(?<![\w./\x7e}}-])/(?!{_COMMON_PROGRAM}){_FOREIGN}",
        r"[\"']\x7e\w{0,40}/",
        r"\.\./\.\./",
        # Of other places only what begins a string and has a directory: the path of a request looks the same.
        rf"[\"']/(?!(?:agent|task|workspace|tmp|proc|sys|dev|v[0-9]|chat)/|{_COMMON_PROGRAM}|{_FOREIGN})[a-z_][\w-]{{1,40}}+/\w",
    ),
    construct(
        FindingKind.ENVIRONMENT,
        View.CODE,
        "env",
        r"\bos\.(?:environb?|getenvb?|putenv|unsetenv)\b",
        r"\bfrom os import[^\n]{0,80}\b(?:environ|getenv)",
    ),
)

_ENCODED = (
    construct(
        FindingKind.ENCODED,
        View.RAW,
        "",
        # Base64 has all three of digits, capital and small letters; a word or a path has not.
        r"(?<![A-Za-z0-9+/])(?=[A-Za-z+/]{0,59}[0-9])(?=[a-z0-9+/]{0,59}[A-Z])(?=[A-Z0-9+/]{0,59}[a-z])"
        r"[A-Za-z0-9+/]{60,2000}",
        # Longer than a SHA-256.
        r"(?<![0-9a-fA-F])[0-9a-fA-F]{80,2000}",
    ),
    construct(
        FindingKind.ENCODED,
        View.RAW,
        "\\",
        r"(?:\\x[0-9a-fA-F]{2}){8,500}|(?:\\u[0-9a-fA-F]{4}){6,500}|(?:\\[0-7]{3}){8,500}",
    ),
    construct(
        FindingKind.ENCODED,
        View.CODE,
        ", chr",
        r"(?<!\w)(?:(?:0x[0-9a-fA-F]{1,2}|[0-9]{1,3})~,~){16,500}",
        r"(?:\bchr~\([^()\n]{1,20}\)[\x20\t+,]{0,6}){4,400}",
    ),
    construct(
        FindingKind.ENCODED,
        View.CODE,
        "decode decompress unhexlify fromhex",
        r"\b(?:urlsafe_|standard_)?b(?:16|32|64|85)decode\b|\b(?:a85decode|decodebytes|uudecode)\b",
        r"\b(?:unhexlify|fromhex|decompress)\b",
    ),
    construct(
        FindingKind.ENCODED,
        View.STRINGS,
        "rot base64 hex zlib uu bz2 utf",
        r"[\"'](?:rot_?13|base64|hex|zlib|uu|bz2|utf-?7)(?:_codec)?[\"']",
    ),
    construct(
        FindingKind.ENCODED,
        View.RAW,
        "coding",
        r"^[\x20\t\f]{0,9}#[^\n]{0,80}coding[:=]~(?!utf-?8|ascii|us-ascii|latin-?1|iso-8859-1)[\w.-]{1,40}",
    ),
)

CONSTRUCTS: tuple[Construct, ...] = (*PROMPTS, *_NETWORK, *_CODE, *_PROCESSES, *_PLACES, *_ENCODED)
