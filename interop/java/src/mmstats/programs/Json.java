// JSON (RFC 8259): into maps, lists, strings, booleans, numbers and null, and from them.
//
// Rule 1: numbers become BigDecimal, so that none loses a digit.
// Rule 2: strings hold any character, U+0000 and half pairs included; written, what is no character is escaped.

package mmstats.programs;

import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

final class Json {
    private static final int DEPTH_MOST = 500;

    private final String text;
    private int at;
    private int depth;

    private Json(String text) {
        this.text = text;
    }

    /** The value of a JSON text. */
    static Object parse(String text) {
        Json json = new Json(text);
        Object value = json.value();
        json.skipSpace();
        if (json.at != text.length()) {
            throw json.error();
        }
        return value;
    }

    private IllegalArgumentException error() {
        return new IllegalArgumentException("no JSON at character " + at);
    }

    private void skipSpace() {
        while (at < text.length() && " \t\r\n".indexOf(text.charAt(at)) >= 0) {
            at++;
        }
    }

    private char peek() {
        skipSpace();
        if (at == text.length()) {
            throw error();
        }
        return text.charAt(at);
    }

    private void expect(String token) {
        if (!text.startsWith(token, at)) {
            throw error();
        }
        at += token.length();
    }

    private <T> T constant(String token, T value) {
        expect(token);
        return value;
    }

    private Object value() {
        return switch (peek()) {
            case '{' -> object();
            case '[' -> array();
            case '"' -> string();
            case 't' -> constant("true", true);
            case 'f' -> constant("false", false);
            case 'n' -> constant("null", null);
            default -> number();
        };
    }

    private Object object() {
        Map<String, Object> members = new LinkedHashMap<>();
        begin();
        if (peek() != '}') {
            do {
                peek();
                String name = string();
                peek();
                expect(":");
                members.put(name, value());
            } while (another('}'));
        }
        return end(members);
    }

    private Object array() {
        List<Object> elements = new ArrayList<>();
        begin();
        if (peek() != ']') {
            do {
                elements.add(value());
            } while (another(']'));
        }
        return end(elements);
    }

    private void begin() {
        at++;
        if (++depth > DEPTH_MOST) {
            throw error();
        }
    }

    private Object end(Object value) {
        at++;
        depth--;
        return value;
    }

    private boolean another(char close) {
        char next = peek();
        if (next == ',') {
            at++;
            return true;
        }
        if (next != close) {
            throw error();
        }
        return false;
    }

    private String string() {
        expect("\"");
        StringBuilder string = new StringBuilder();
        while (at < text.length()) {
            char c = text.charAt(at++);
            if (c == '"') {
                return string.toString();
            }
            if (c < ' ') {
                break;
            }
            string.append(c == '\\' ? escaped() : c);
        }
        throw error();
    }

    private char escaped() {
        if (at == text.length()) {
            throw error();
        }
        char c = text.charAt(at++);
        int simple = "\"\\/bfnrt".indexOf(c);
        if (simple >= 0) {
            return "\"\\/\b\f\n\r\t".charAt(simple);
        }
        if (c != 'u' || at + 4 > text.length()) {
            throw error();
        }
        int code = 0;
        for (int i = 0; i < 4; i++) {
            char digit = text.charAt(at++);
            if (digit >= 128 || Character.digit(digit, 16) < 0) {
                throw error();
            }
            code = 16 * code + Character.digit(digit, 16);
        }
        return (char) code;
    }

    private Object number() {
        int from = at;
        while (at < text.length() && "+-.0123456789Ee".indexOf(text.charAt(at)) >= 0) {
            at++;
        }
        try {
            return new BigDecimal(text.substring(from, at));
        } catch (NumberFormatException none) {
            throw error();
        }
    }

    /** Append a value as JSON. */
    static void write(StringBuilder out, Object value) {
        if (value instanceof String string) {
            writeString(out, string);
        } else if (value instanceof Map<?, ?> map) {
            char separator = '{';
            for (Map.Entry<?, ?> entry : map.entrySet()) {
                out.append(separator);
                writeString(out, (String) entry.getKey());
                out.append(':');
                write(out, entry.getValue());
                separator = ',';
            }
            out.append(separator == '{' ? "{}" : "}");
        } else if (value instanceof List<?> list) {
            char separator = '[';
            for (Object element : list) {
                out.append(separator);
                write(out, element);
                separator = ',';
            }
            out.append(separator == '[' ? "[]" : "]");
        } else {
            out.append(value);
        }
    }

    private static void writeString(StringBuilder out, String string) {
        out.append('"');
        for (int i = 0; i < string.length(); i++) {
            char c = string.charAt(i);
            boolean pair = Character.isHighSurrogate(c) && i + 1 < string.length()
                    && Character.isLowSurrogate(string.charAt(i + 1));
            if (pair) {
                out.append(c).append(string.charAt(++i));
            } else if (c < ' ' || c == 127 || Character.isSurrogate(c)) {
                out.append("\\u");
                for (int shift = 12; shift >= 0; shift -= 4) {
                    out.append(Character.forDigit(c >> shift & 15, 16));
                }
            } else {
                if (c == '"' || c == '\\') {
                    out.append('\\');
                }
                out.append(c);
            }
        }
        out.append('"');
    }
}
