<?php

declare(strict_types=1);

// Registered behind other loaders, so that a copy installed by Composer wins. gw loads this file into every PHP
// process through auto_prepend_file: it must stay free of side effects.
spl_autoload_register(static function (string $class): void {
    if (strncmp($class, 'Gw\\', 3) === 0) {
        $file = __DIR__ . '/src/' . strtr(substr($class, 3), '\\', '/') . '.php';
        if (is_file($file)) {
            require $file;
        }
    }
});
