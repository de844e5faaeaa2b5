//! Scripts. What Lua itself does is the script module's to prove; here it is what a client sees.

use super::{Entry, Words, args, entry};

pub(super) const TABLE: &[Entry] = &[
    entry(40, "EVAL", |w| invocation(w, false)),
    entry(10, "EVALSHA", |w| invocation(w, true)),
    entry(8, "EVAL_RO", |w| invocation(w, false)),
    entry(4, "EVALSHA_RO", |w| invocation(w, true)),
    entry(8, "SCRIPT LOAD", |w| args![body(w)]),
    entry(5, "SCRIPT EXISTS", |w| {
        (0..w.between(1, 3)).map(|_| sha(w)).collect()
    }),
    entry(1, "SCRIPT FLUSH", |w| match w.chance(50) {
        true => args![],
        false => args![w.one(&["ASYNC", "SYNC", "sync", "foo"])],
    }),
    entry(1, "SCRIPT KILL", |_| args![]),
    entry(1, "SCRIPT HELP", |_| args![]),
    entry(1, "SCRIPT DEBUG", |w| args![w.one(&["NO", "foo"])]),
];

const BODIES: &[&str] = &[
    "return 1",
    "return 'hello'",
    "return {1,2,{3,'x'}}",
    "return {1,nil,3}",
    "return nil",
    "return false",
    "return true",
    "return 3.99",
    "return -0.5",
    "return {ok='FINE'}",
    "return {err='ERR mine'}",
    "return {err='nocode'}",
    "return redis.error_reply('MY error')",
    "return redis.error_reply('-MY error')",
    "return redis.status_reply('GOOD')",
    "return {double=3.5}",
    "return {map={a=1}}",
    "return {set={a=true}}",
    "return {big_number={}}",
    "return KEYS",
    "return ARGV",
    "return {#KEYS,#ARGV}",
    "return redis.call('get',KEYS[1])",
    "return redis.call('set',KEYS[1],ARGV[1])",
    "return redis.pcall('set',KEYS[1],ARGV[1])",
    "return redis.call('incr',KEYS[1])",
    "return redis.pcall('incr',KEYS[1])",
    "return redis.call('lpush',KEYS[1],ARGV[1])",
    "return redis.call('lrange',KEYS[1],0,-1)",
    "return redis.call('hset',KEYS[1],ARGV[1],'v')",
    "return redis.call('zadd',KEYS[1],1,ARGV[1])",
    "return redis.call('zscore',KEYS[1],ARGV[1])",
    "redis.setresp(3); return redis.call('zscore',KEYS[1],ARGV[1])",
    "redis.setresp(3); return redis.call('hmget',KEYS[1],'f','none')",
    "redis.setresp(3); return redis.call('get','nosuchkey')",
    "redis.setresp(3); return redis.call('zrange',KEYS[1],0,-1,'withscores')",
    "return redis.setresp(4)",
    "return redis.call('exists',KEYS[1])",
    "return redis.call('del',KEYS[1])",
    "return redis.call('type',KEYS[1])",
    "return redis.call('type',KEYS[1])['ok']",
    "return redis.call('expire',KEYS[1],100000)",
    "local v = redis.call('get',KEYS[1]); if v then return #v end; return v",
    "local n = 0; for i = 1, 10 do n = n + i end; return n",
    "for i = 1, 3 do redis.call('rpush', KEYS[1], i) end; return redis.call('llen', KEYS[1])",
    "redis.call('set',KEYS[1],'1'); redis.call('nosuch')",
    "redis.call('set',KEYS[1],'1'); error('mine')",
    "redis.call('set',KEYS[1],'1'); error({err='ERR table'})",
    "error()",
    "return redis.call('nosuch',KEYS[1])",
    "return redis.pcall('nosuch',KEYS[1])",
    "return redis.pcall('nosuch',KEYS[1])['err']",
    "return redis.call()",
    "return redis.call('get')",
    "return redis.pcall('get')",
    "return redis.call('get',KEYS[1],{})",
    "return redis.call('subscribe','c')",
    "return redis.call('multi')",
    "return redis.call('watch','a')",
    "return redis.call('select',1)",
    "return redis.call('flushall')",
    "return redis.call('eval','return 1',0)",
    "return redis.call('echo',3.5)",
    "return redis.call('echo',1e20)",
    "return redis.call('echo',-7)",
    "return redis.call('echo','a\\0b')",
    "return redis.sha1hex('')",
    "return redis.sha1hex(ARGV[1])",
    "return redis.sha1hex()",
    "x = 1",
    "return x",
    "return print",
    "return pcall(function() return redis.call('nosuch') end)",
    "local ok, e = pcall(function() return redis.call('nosuch') end); return e['err']",
    "local ok, e = pcall(redis.call, 'incr', KEYS[1]); return {tostring(ok), type(e)}",
    "return tostring(nil) .. tostring(1.5) .. tostring(1e15) .. tostring(2^53)",
    "return tonumber('0x10')",
    "return string.format('%d %s %.3f', 42, 'x', 1.5)",
    "return cjson.encode({1,2,3})",
    "return cjson.encode({a=1})",
    "return cjson.encode({})",
    "return cjson.decode('{\"a\":[1,2]}')['a']",
    "return cjson.decode('[1,null,2.5,true]')",
    "return cjson.decode('nonsense')",
    "return cmsgpack.pack({1,2,3})",
    "return cmsgpack.unpack(cmsgpack.pack('x'))",
    "return struct.pack('>I4', 42)",
    "return {struct.unpack('>I4', '\\0\\0\\0*')}",
    "return bit.band(255, 15)",
    "return {bit.bor(1,2), bit.bxor(3,1), bit.lshift(1,4), bit.tohex(255)}",
    "return redis.log(redis.LOG_DEBUG,'quiet')",
    "return redis.REDIS_VERSION",
    "return redis.REDIS_VERSION_NUM",
    "return redis.replicate_commands()",
    "return redis.set_repl(redis.REPL_ALL)",
    "return {redis.LOG_DEBUG,redis.LOG_VERBOSE,redis.LOG_NOTICE,redis.LOG_WARNING}",
    "return redis.acl_check_cmd('set','a','b')",
    "return table.concat({'a','b'},',')",
    "local t = {}; for k, v in ipairs({5,3,9}) do t[k] = v end; table.sort(t); return t",
    "return {unpack({1,2,3})}",
    "return #string.rep('x', 1000)",
    "return string.rep('x', 100)",
    "return loadstring('return 7')()",
    "return type(os.clock())",
    "return os.time",
    "return _VERSION",
    "return syntax error here",
    "return {[1]='a',[2]='b',[4]='d'}",
    "return {a=1}",
    "return {ok='a\\r\\nb'}",
    "return redis.call('ping')",
    "return redis.call('PING','x')",
    "return redis.call('dbsize')",
    "return redis.call('mget',KEYS[1],KEYS[2])",
    "return redis.call('rename',KEYS[1],KEYS[2])",
    "return redis.call('setbit',KEYS[1],9,1)",
    "return redis.call('bitfield',KEYS[1],'set','u8','0','300','get','i4','2')",
    "return redis.call('bitfield',KEYS[1],'overflow','fail','incrby','u2','1','9')",
    "return redis.call('sort',KEYS[1])",
    "return redis.call('sort',KEYS[1],'by','w_*','get','#','get','w_*','limit',0,3)",
    "return redis.call('sort',KEYS[1],'by','nosort','store',KEYS[2])",
    "return redis.call('sort_ro',KEYS[1],'store',KEYS[2])",
    "#!lua\nreturn 1",
    "#!lua flags=no-writes\nreturn redis.call('set',KEYS[1],'x')",
    "#!lua flags=no-writes\nreturn redis.call('get',KEYS[1])",
    "#!lua flags=allow-oom,allow-stale\nreturn redis.call('set',KEYS[1],'x')",
    "#!lua flags=foo\nreturn 1",
    "#!nolua\nreturn 1",
    "#!lua",
    "#!lua name=x\nreturn 1",
    "--!df flags=x\nreturn 2",
    "",
];

fn body(w: &mut Words) -> Vec<u8> {
    w.one(BODIES)
}

fn sha(w: &mut Words) -> Vec<u8> {
    match w.chance(90) {
        true => {
            let mut digest = sha1_smol::Sha1::from(body(w)).digest().to_string();
            if w.chance(10) {
                digest = digest.to_uppercase();
            }
            digest.into_bytes()
        }
        false => w.one(&["", "abc", "ffffffffffffffffffffffffffffffffffffffff"]),
    }
}

fn invocation(w: &mut Words, by_sha: bool) -> Vec<Vec<u8>> {
    let script = if by_sha { sha(w) } else { body(w) };
    let keys = w.keys(0, 2);
    let mut args = args![script, w.number_of(keys.len())];
    args.extend(keys);
    args.extend((0..w.between(0, 2)).map(|_| w.name()));
    args
}
