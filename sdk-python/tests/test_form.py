import os
import tempfile
import unittest

import harness
from gw import BadRequest, Request

FORM = (
    b"preamble\r\n"
    b'--xx\r\nContent-Disposition: form-data; name="title"\r\n\r\nHello\r\n'
    b'--xx\r\nContent-Disposition: form-data; name="tag"\r\n\r\na\r\n--xx\r\ncontent-disposition: form-data; name="tag"\r\n\r\nb\r\n'
    b'--xx\r\nContent-Disposition: form-data; name="picture"; filename="C:\\dir\\a \\"b\\".png"\r\nContent-Type: image/png\r\n\r\n\x89PNG\r\n\r\n--x\xff\r\n'
    b'--xx  \r\nContent-Disposition: form-data; name="empty"; filename=""\r\n\r\n\r\n'
    b"--xx--\r\nepilogue"
)


def posted(body, kind='multipart/form-data; boundary="xx"', flags=0):
    return Request(harness.request(method="POST", headers=f"content-type: {kind}\n", body=body, flags=flags))


class FormTest(unittest.TestCase):
    def check(self, request):
        self.assertEqual(request.form["title"], "Hello")
        self.assertEqual(request.form.get_all("tag"), ["a", "b"])
        picture = request.files["picture"]
        self.assertEqual((picture.name, picture.type, picture.size), ('a "b".png', "image/png", 12))
        self.assertEqual(picture.read(), b"\x89PNG\r\n\r\n--x\xff")
        self.assertEqual((request.files["empty"].name, request.files["empty"].size), ("", 0))
        self.assertEqual(set(request.files), {"picture", "empty"})
        return picture

    def test_multipart(self):
        self.check(posted(FORM))

    def test_multipart_in_a_file_is_not_read_into_memory(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "body")
            with open(path, "wb") as file:
                file.write(FORM)
            picture = self.check(posted(os.fsencode(path), flags=2))
            os.remove(path)
            picture.save(os.path.join(folder, "saved"))
            with open(os.path.join(folder, "saved"), "rb") as file:
                self.assertEqual(file.read(), picture.read())

    def test_urlencoded(self):
        request = posted(b"a=1&b=x+y%21", "application/x-www-form-urlencoded; charset=utf-8")
        self.assertEqual((dict(request.form), dict(request.files)), ({"a": "1", "b": "x y!"}, {}))

    def test_other_bodies_have_no_fields(self):
        self.assertEqual(dict(posted(b'{"a":1}', "application/json").form), {})

    def test_malformed_forms_are_the_clients_fault(self):
        for body in (b"", b"no boundary", FORM[:-20], b"--xx", b"--xx\r\n", b"--xx\r\nno end", b"--xxjunk\r\n\r\n\r\n--xx--",
                     b"--xx\r\nContent-Type: a/b\r\n\r\nno name\r\n--xx--", b"--xx\r\n" + b"h: v\r\n" * 5000 + b"\r\n\r\n--xx--"):
            with self.subTest(body[:40]), self.assertRaises(BadRequest):
                posted(body).form
        for kind in ("multipart/form-data", "multipart/form-data; boundary=", "multipart/form-data; boundary=" + "x" * 71):
            with self.assertRaises(BadRequest):
                posted(FORM, kind).files

    def test_every_cut_of_a_form_is_refused_or_read(self):
        for cut in range(len(FORM)):
            try:
                posted(FORM[:cut]).form
            except BadRequest:
                pass


if __name__ == "__main__":
    unittest.main()
