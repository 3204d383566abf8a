import { text } from '../../schema/scalar-type.ts';
import { key, section } from '../../schema/shape.ts';

const owner = (noun: string) =>
  text({
    label: `${noun} name or number`,
    charsMax: 64,
    pattern: /^(\d{1,9}|[A-Za-z_][A-Za-z0-9_.-]*)$/,
    write: `a name or a number in quotes`,
  });

/** The file of a Unix socket: `socket` of a listener and of the admin server. */
export const socket = section(
  {
    doc: 'Mode and owner of the socket file, if `listen` is a `unix:` address. Clients need write permission on the file to connect.',
    example: '{ mode: "0660", group: app }',
  },
  {
    mode: key(
      text({
        label: 'file mode',
        charsMax: 5,
        pattern: /^0?[0-7]{3}$/,
        write: 'octal digits in quotes, such as "0660"',
      }),
      {
        otherwise: '0777 minus the umask of the process',
        doc: 'Permissions as octal digits in quotes. `"0660"` lets the owner and the group connect.',
      },
    ),
    user: key(owner('user'), {
      otherwise: 'the user of the process',
      doc: 'Owner: a user name (/etc/passwd) or a uid. Only root can set another user.',
    }),
    group: key(owner('group'), {
      otherwise: 'the group of the process',
      doc: 'Group: a group name (/etc/group) or a gid. A user other than root can set only a group that it belongs to.',
    }),
  },
);
